import { useEffect, useState } from "react";
import { Provider, useQuery } from "urql";

import { faultOf } from "./connection/client";
import { useKnown } from "./connection/known";
import { graphql } from "./graphql";
import { Button } from "./parts/Button";
import { openSession, SignedInContext, ViewerDocument, type Session } from "./session/session";
import { Shell } from "./Shell";

const SignOut = graphql(`
  mutation SignOut {
    signOut {
      problems {
        message
      }
    }
  }
`);

interface Props {
  token: string;
  /** The sign-in has ended, for this reason. */
  onLeft: (reason: string) => void;
}

const ENDED = "Your sign-in has expired or was ended. Sign in again to go on where you were.";

export function SignedInApp({ token, onLeft }: Props) {
  const [session, setSession] = useState<Session>();
  useEffect(() => {
    const opened = openSession(token, () => onLeft(ENDED));
    setSession(opened);
    return opened.close;
    // What is open belongs to the token alone.
  }, [token]);
  if (!session) return null;
  const signOut = async (): Promise<void> => {
    session.close();
    const { error } = await session.api.mutation(SignOut, {}).toPromise();
    onLeft(error ? "You are signed out here. Spaceport couldn't be told, so the sign-in goes on there." : "You are signed out.");
  };
  return (
    <Provider value={session.api}>
      <KnownViewer session={session} signOut={() => void signOut()} />
    </Provider>
  );
}

/** Shows the page once it is known who looks at it. */
function KnownViewer({ session, signOut }: { session: Session; signOut: () => void }) {
  const [{ data: answer, error, fetching }, ask] = useQuery({ query: ViewerDocument });
  const data = useKnown(answer);
  // Who may do something else by now is cut off, and comes back.
  useEffect(() => session.link.state.watch(() => session.link.state.get() === "live" && ask()), [session, ask]);
  if (!data) {
    return (
      <main className="waiting">
        <p role="status">{error ? faultOf(error) : "Loading…"}</p>
        {error && (
          <Button onPress={() => ask()} isBusy={fetching}>
            Try again
          </Button>
        )}
      </main>
    );
  }
  const { roles, ...person } = data.viewer;
  const permissions = new Set((roles ?? []).flatMap((role) => role.permissions));
  const signedIn = { ...session, viewer: { ...person, permissions }, signOut };
  return (
    <SignedInContext value={signedIn}>
      <Shell />
    </SignedInContext>
  );
}
