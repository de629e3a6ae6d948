import { useEffect, useState } from "react";
import { Provider, useQuery, type Client } from "urql";

import * as kept from "../../shared/token";
import { faultOf, isUnauthenticated, requestOf } from "./connection/client";
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
const OUT = "You are signed out.";
const OUT_HERE = "You are signed out here. Spaceport couldn't be told, so the sign-in may go on there.";

/** How long somebody who leaves waits until it is known whether the API was told. */
const LEAVE_MS = 5_000;

export function SignedInApp({ token, onLeft }: Props) {
  const [session, setSession] = useState<Session>();
  useEffect(() => {
    const opened = openSession(token, () => onLeft(ENDED));
    setSession(opened);
    return opened.close;
    // What is open belongs to the token alone.
  }, [token]);
  const [isLeaving, setIsLeaving] = useState(false);
  if (!session) return null;
  const signOut = async (): Promise<void> => {
    session.close();
    // Whoever comes to this browser next isn't them, however long the API is silent.
    kept.forget(token);
    setIsLeaving(true);
    onLeft((await endSignIn(session.api, token)) ? OUT : OUT_HERE);
  };
  if (isLeaving) {
    return (
      <main className="waiting">
        <p role="status">Signing out…</p>
      </main>
    );
  }
  return (
    <Provider value={session.api}>
      <KnownViewer session={session} signOut={() => void signOut()} />
    </Provider>
  );
}

/** Whether it is known in time that the sign-in has ended. */
async function endSignIn(api: Client, token: string): Promise<boolean> {
  // A tab that is closed meanwhile says it all the same.
  const told = api.mutation(SignOut, {}, { fetchOptions: { ...requestOf(token), keepalive: true } }).toPromise();
  const late = new Promise<undefined>((resolve) => setTimeout(resolve, LEAVE_MS));
  const answer = await Promise.race([told, late]);
  return answer !== undefined && (!answer.error || isUnauthenticated(answer.error));
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
