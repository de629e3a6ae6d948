import { sentence } from "../forms/problems";
import { Time } from "../parts/Time";
import type { Space } from "../spaces/space";

/** Why a space stopped although it should run. */
export function Failure({ failure }: { failure: NonNullable<Space["failure"]> }) {
  const { code, message, at, exitCode, oomKilled, logTail } = failure;
  return (
    <section className="card failure" aria-label="Failure">
      <header>
        <h2>{sentence(message)}</h2>
        <span className="quiet">
          <Time at={at} />
        </span>
      </header>
      <p className="quiet">
        <code>{code}</code>
        {exitCode !== null && `, exit code ${exitCode}`}
        {oomKilled && ", out of memory"}
      </p>
      {logTail.length > 0 && (
        <>
          <h3>The last it wrote</h3>
          <div className="log" tabIndex={0} role="group" aria-label="The last lines it wrote" data-wrap>
            <ol>
              {logTail.map((line, at) => (
                <li key={at}>
                  <bdi>{line}</bdi>
                </li>
              ))}
            </ol>
          </div>
        </>
      )}
    </section>
  );
}
