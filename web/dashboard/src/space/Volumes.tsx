import { useEffect } from "react";
import { useQuery } from "urql";
import { Label, Meter } from "react-aria-components";

import { bytes } from "../../../shared/bytes";
import { graphql } from "../graphql";
import type { Space } from "../spaces/space";

const VolumesUsed = graphql(`
  query VolumesUsed($id: ID!) {
    space(id: $id) {
      volumes {
        name
        usedBytes
      }
    }
  }
`);

/** What is in use is not an event; it is asked for again after this time. */
const LOOK_MS = 30_000;
const GIB = 1024 ** 3;

export function Volumes({ space }: { space: Space }) {
  const [{ data }, ask] = useQuery({ query: VolumesUsed, variables: { id: space.id } });
  useEffect(() => {
    const timer = setInterval(() => !document.hidden && ask(), LOOK_MS);
    return () => clearInterval(timer);
  }, [ask]);
  // Volumes come with the first start.
  useEffect(() => ask(), [ask, space.status]);
  if (space.volumes.length === 0) return null;
  const usedOf = (name: string): number | null =>
    data?.space?.volumes.find((it) => it.name === name)?.usedBytes ?? null;
  return (
    <section className="card" aria-labelledby="volumes">
      <h2 id="volumes">Volumes</h2>
      <ul className="stack">
        {space.volumes.map((volume) => (
          <li key={volume.name}>
            <VolumeUse volume={volume} used={usedOf(volume.name)} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function VolumeUse({ volume, used }: { volume: Space["volumes"][number]; used: number | null }) {
  const { name, mountPath, sizeGib, enforced } = volume;
  const size = sizeGib * GIB;
  const text = used === null ? `${sizeGib} GiB` : `${bytes(used)} of ${sizeGib} GiB`;
  return (
    <>
      {used === null ? (
        <div className="meter">
          <span>{name}</span>
          <span className="value">{text}</span>
        </div>
      ) : (
        <Meter className="meter" value={Math.min(used, size)} maxValue={size} valueLabel={text}>
          <Label>{name}</Label>
          <span className="value">{text}</span>
          <span className="track" data-full={used >= size || undefined}>
            <span className="fill" style={{ width: `${Math.min(100, (used / size) * 100)}%` }} />
          </span>
        </Meter>
      )}
      <p className="hint">
        <code>{mountPath}</code>
        {enforced === false && ", its size is counted only, not enforced"}
        {enforced === true && ", its size is enforced"}
      </p>
    </>
  );
}
