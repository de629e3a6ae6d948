import { Button as AriaButton } from "react-aria-components";

import { Problems } from "../forms/Problems";
import { Copyable } from "../parts/Copyable";
import { isManaged, type Space } from "../spaces/space";
import { atDoorsOf } from "../spaces/status";
import { doorsOf, type Door } from "./features";
import { useOpenApp } from "./open";

/** What can be opened of a space in a browser. */
export function Doors({ space }: { space: Space }) {
  const action = useOpenApp(space);
  const doors = doorsOf(space);
  const instead = isManaged(space) && doors.some(({ bar }) => bar === undefined) ? atDoorsOf(space) : undefined;
  return (
    <section className="card" aria-labelledby="open">
      <header>
        <h2 id="open">Open</h2>
        {instead && <span className="quiet">{instead}</span>}
      </header>
      <ul className="doors">
        {doors.map(({ title, hint, app, bar }) => (
          <li key={app}>
            {bar === undefined ? (
              <AriaButton className="button door" aria-disabled={action.isBusy || undefined} onPress={() => void action.open(app)}>
                <span className="title">
                  {title} <span aria-hidden="true">↗</span>
                  <span className="hidden"> (in a new tab)</span>
                </span>
                <span className="quiet">{hint}</span>
              </AriaButton>
            ) : (
              <div className="door" data-shut>
                <span className="title quiet">{title}</span>
                <span className="quiet">{bar}</span>
              </div>
            )}
          </li>
        ))}
      </ul>
      <Addresses doors={doors} />
      <Problems of={action} />
    </section>
  );
}

/** Where ports are opened by whoever has no button for them, or isn't here. */
function Addresses({ doors }: { doors: Door[] }) {
  const ports = doors.filter(({ url }) => url);
  if (ports.length === 0) return null;
  return (
    <>
      <h3>Addresses of its ports</h3>
      <ul className="stack" aria-label="Addresses of its ports">
        {ports.map(({ title, hint, app, url }) => (
          <li key={app}>
            <div className="line-up">
              <strong>{title}</strong>
              <span className="quiet">{hint}</span>
            </div>
            <Copyable text={url ?? ""} what={`the address of ${title}`} />
          </li>
        ))}
      </ul>
      <p className="hint">They ask whoever opens them to sign in. The buttons above save you that.</p>
    </>
  );
}
