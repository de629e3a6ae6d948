import type { Outcome } from "./action";
import { elsewhere, wordsOf } from "./problems";

/** What an action was refused for or failed with, but for what `shown` fields show themselves. */
export function Problems({ of, shown = [] }: { of: Outcome; shown?: string[][] }) {
  const lines = elsewhere(of.problems, shown).map(wordsOf);
  if (of.fault !== undefined) lines.push(of.fault);
  if (lines.length === 0) return null;
  return (
    <div className="alert" role="alert">
      {lines.map((line) => (
        <p key={line}>{line}</p>
      ))}
    </div>
  );
}
