import type { Space } from "./space";
import { toneOf, wordOf } from "./status";

export function Status({ space }: { space: Pick<Space, "status" | "failure"> }) {
  return (
    <span className="status" data-tone={toneOf(space)}>
      <span className="dot" aria-hidden="true" />
      {wordOf(space)}
    </span>
  );
}
