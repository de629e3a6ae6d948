import { sentence } from "../forms/problems";
import { Copyable } from "../parts/Copyable";
import { counted } from "../parts/format";
import type { Space } from "../spaces/space";
import type { Tone } from "../spaces/status";
import { featureName } from "./features";

type App = NonNullable<Space["apps"]>[number];
type VscodeTunnel = NonNullable<App["tunnel"]>;

const STATES: Record<App["state"], { word: string; tone: Tone }> = {
  RUNNING: { word: "Running", tone: "good" },
  STARTING: { word: "Starting", tone: "busy" },
  WAITING: { word: "Starts again soon", tone: "bad" },
  ABSENT: { word: "Not in its image", tone: "calm" },
};

/** What its agent runs beside the command, and how that is. */
export function Apps({ space }: { space: Space }) {
  const apps = space.apps ?? [];
  if (apps.length === 0) return null;
  return (
    <section className="card" aria-labelledby="apps">
      <h2 id="apps">Apps</h2>
      <ul className="stack" aria-label="Apps">
        {apps.map((app) => (
          <AppRow key={app.feature} app={app} />
        ))}
      </ul>
    </section>
  );
}

function AppRow({ app: { feature, state, restarts, reason, tunnel } }: { app: App }) {
  const { word, tone } = STATES[state];
  // Why the program ended is why its tunnel failed.
  const isSaid = reason !== null && tunnel?.state === "FAILED";
  return (
    <li>
      <div className="line-up">
        <strong>{featureName(feature)}</strong>
        <span className="status" data-tone={tone}>
          <span className="dot" aria-hidden="true" />
          {word}
        </span>
        {restarts > 0 && <span className="quiet">started again {counted(restarts, "time")}</span>}
      </div>
      {reason && <p className="quiet">{sentence(reason)}</p>}
      {tunnel && !isSaid && <Vscode tunnel={tunnel} />}
    </li>
  );
}

/** What Visual Studio Code's own tunnel needs, or where it is opened. */
function Vscode({ tunnel: { state, loginUrl, loginCode, name, url, reason } }: { tunnel: VscodeTunnel }) {
  switch (state) {
    case "NOT_CONFIGURED":
      return <p className="quiet">Its program hasn’t said anything yet.</p>;
    case "WAITING_FOR_LOGIN":
      if (!loginCode) return <p className="quiet">It waits until somebody who may use it signs in.</p>;
      return loginUrl ? (
        <>
          <p>
            Only if you have just started this tunnel yourself, sign in at{" "}
            <a href={loginUrl} target="_blank" rel="noopener noreferrer">
              {loginUrl}
            </a>{" "}
            with this code:
          </p>
          <Copyable text={loginCode} what="the code to sign in with" />
        </>
      ) : (
        <p className="quiet">It waits for a sign-in, at a page that isn’t known to be GitHub’s or Microsoft’s.</p>
      );
    case "CONNECTED":
      return (
        <p>
          Connected as {name ? <code>{name}</code> : "a tunnel without a name"}.{" "}
          {url && (
            <a href={url} target="_blank" rel="noopener noreferrer">
              Open it in the browser: {url}
            </a>
          )}
        </p>
      );
    case "FAILED":
      return <p>{reason ? sentence(`its tunnel failed: ${reason}`) : "It failed, and is tried again."}</p>;
  }
}
