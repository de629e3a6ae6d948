import { afterEach, expect, test, vi } from "vitest";

import { Link } from "../src/connection/link";
import { graphql } from "../src/graphql";

/** A connection of which nothing is heard until it ends. */
class Connection {
  static readonly all: Connection[] = [];
  onclose: ((event: object) => void) | null = null;
  readonly readyState = 0;

  constructor() {
    Connection.all.push(this);
  }

  close(): void {}
}

const document = graphql(`
  subscription Quota {
    quotaChanged {
      spaces {
        used
      }
    }
  }
`);

afterEach(() => vi.unstubAllGlobals());

test("a link that is closed doesn't mind how the connection ends that it is making", async () => {
  const events = { addEventListener() {}, removeEventListener() {} };
  vi.stubGlobal("WebSocket", Connection);
  vi.stubGlobal("window", events);
  vi.stubGlobal("document", { ...events, hidden: false });
  const unhandled = vi.fn();
  process.on("unhandledRejection", unhandled);
  const link = new Link("ws://api/graphql", "a token", () => {});
  link.follow({ document, variables: () => ({}), takes() {} });
  await vi.waitUntil(() => Connection.all[0]?.onclose);
  link.close();
  Connection.all[0]?.onclose?.({ code: 4401, reason: "Unauthorized" });
  // They are told of once the queue of what is promised is empty.
  await new Promise((resolve) => setImmediate(resolve));
  process.off("unhandledRejection", unhandled);
  expect(unhandled).not.toHaveBeenCalled();
});
