import { bytes } from "../../../shared/bytes";
import { counted } from "../parts/format";
import { Time } from "../parts/Time";
import type { Space } from "../spaces/space";

const MIB = 1024 * 1024;

export function Facts({ space }: { space: Space }) {
  const { owner, template, templateVersion, computeUnits, parameters, agent, createdAt, startedAt, stoppedAt } = space;
  const { number, image, cpu, memoryMib } = templateVersion;
  return (
    <section className="card" aria-labelledby="facts">
      <h2 id="facts">About it</h2>
      <dl className="facts">
        <dt>Owner</dt>
        <dd>{owner.displayName === owner.userName ? owner.userName : `${owner.displayName} (${owner.userName})`}</dd>
        <dt>Template</dt>
        <dd>
          {template.name}, version {number}
        </dd>
        <dt>Image</dt>
        <dd>
          <code>{image}</code>
        </dd>
        <dt>Limits</dt>
        <dd>
          {cpu === null ? "any CPU" : counted(cpu, "core")},{" "}
          {memoryMib === null ? "any memory" : `${bytes(memoryMib * MIB)} of memory`}
        </dd>
        <dt>Consumes</dt>
        <dd>{counted(computeUnits, "compute unit")} while it runs</dd>
        <dt>Agent</dt>
        <dd>{agent ? `version ${agent.version}` : space.status === "RUNNING" ? "none: restart the space" : "not running"}</dd>
        {parameters.map(({ name, value, secret }) => (
          <Parameter key={name} name={name} value={secret ? undefined : (value ?? "")} />
        ))}
        <dt>Made</dt>
        <dd>
          <Time at={createdAt} />
        </dd>
        {startedAt && (
          <>
            <dt>Started</dt>
            <dd>
              <Time at={startedAt} />
            </dd>
          </>
        )}
        {stoppedAt && (
          <>
            <dt>Stopped</dt>
            <dd>
              <Time at={stoppedAt} />
            </dd>
          </>
        )}
      </dl>
    </section>
  );
}

/** One without a value is secret. */
function Parameter({ name, value }: { name: string; value: string | undefined }) {
  return (
    <>
      <dt>
        <code>{name}</code>
      </dt>
      <dd>{value === undefined ? <span className="quiet">kept secret</span> : <code>{value}</code>}</dd>
    </>
  );
}
