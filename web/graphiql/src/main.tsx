import "graphiql/style.css";
import "./style.css";

import { GraphiQL } from "graphiql";
import { createRoot } from "react-dom/client";

import * as kept from "../../shared/token";
import { ask } from "./ask";
import { EditorNames } from "./editor-names";
import { storageOfTab } from "./storage";

const FIRST_QUERY = `# Ctrl+Enter runs what the cursor is in.
# Ctrl+Space says what can be written there.

query Spaces {
  viewer {
    userName
  }
  spaces(first: 10) {
    nodes {
      id
      name
      status
    }
  }
}

# As it is, and then whatever changes.
subscription Changes {
  spacesChanged {
    cursor
    change
    space {
      name
      status
    }
  }
}
`;

const NOBODY =
  "Nobody is signed in here. Open this page from the dashboard, or write " +
  '{"Authorization": "Bearer …"} under Headers and load the schema again.';

const isSignedIn = kept.read() !== undefined;

const storage = storageOfTab(sessionStorage);

function Page() {
  return (
    <GraphiQL
      fetcher={ask}
      storage={storage}
      defaultQuery={FIRST_QUERY}
      defaultEditorToolsVisibility={isSignedIn ? false : "headers"}
      shouldPersistHeaders={false}
      inputValueDeprecation
    >
      <GraphiQL.Logo>
        <a href="/">Spaceport</a>
      </GraphiQL.Logo>
      <GraphiQL.Footer>
        <p className="who">
          {isSignedIn ? "You ask as who is signed in on the dashboard, unless Headers says otherwise." : NOBODY}
        </p>
      </GraphiQL.Footer>
      <EditorNames />
    </GraphiQL>
  );
}

const root = document.getElementById("root");
if (root) createRoot(root).render(<Page />);
