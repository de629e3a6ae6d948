import { useAction } from "../forms/action";
import { ConfirmButton } from "../forms/ConfirmButton";
import { Stack } from "../parts/Stack";
import { Time } from "../parts/Time";
import { RevokeSession, type Session } from "./documents";

interface Props {
  sessions: readonly Session[];
  onChanged: () => void;
}

export function Sessions({ sessions, onChanged }: Props) {
  return (
    <section className="card" aria-labelledby="sessions">
      <h2 id="sessions">Sign-ins</h2>
      <Stack label="Sign-ins">
        {sessions.map((session) => (
          <SessionRow key={session.id} session={session} onChanged={onChanged} />
        ))}
      </Stack>
    </section>
  );
}

function SessionRow({ session, onChanged }: { session: Session; onChanged: () => void }) {
  const { id, address, userAgent, lastUsedAt, expiresAt, current } = session;
  const revoke = useAction(RevokeSession, (data) => data.revokeSession);
  const program = programOf(userAgent);
  return (
    <li>
      <div className="line-up">
        <strong>{program}</strong>
        {current && <span className="tag">this one</span>}
        <span className="grow" />
        {!current && (
          <ConfirmButton
            verb="End"
            what={`the sign-in of ${program} at ${address || "an unknown address"}`}
            action={revoke}
            variables={{ input: { sessionId: id } }}
            onDone={onChanged}
          >
            Whoever is signed in there is signed out, and what they have open ends.
          </ConfirmButton>
        )}
      </div>
      <p className="hint">
        {address || "Unknown address"}, last used <Time at={lastUsedAt} />, ends <Time at={expiresAt} />
      </p>
    </li>
  );
}

/** A browser calls itself by many names; the one that people know it by is among them. */
function programOf(userAgent: string): string {
  const known = ["Edg", "OPR", "Firefox", "Chrome", "Safari"].find((name) => userAgent.includes(`${name}/`));
  const names: Record<string, string> = { Edg: "Edge", OPR: "Opera" };
  if (known) return names[known] ?? known;
  return userAgent.split(/[/ ]/)[0] || "Unknown program";
}
