import { lacks, type Taking } from "./preview";

/** That the quota doesn't suffice, said beforehand. What is sent all the same, the API decides on. */
export function Lacks({ takings, startsAtOnce }: { takings: readonly Taking[]; startsAtOnce: boolean }) {
  const lines = lacks(takings, startsAtOnce);
  const fitsAtRest = lines.length > 0 && lacks(takings, false).length === 0;
  return (
    <div role="status">
      {lines.length > 0 && (
        <div className="notice short">
          {lines.map((line) => (
            <p key={line}>{line}</p>
          ))}
          {fitsAtRest && <p>It can be created without being started.</p>}
        </div>
      )}
    </div>
  );
}
