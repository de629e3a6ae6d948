import { useEffect, useState, type ReactNode } from "react";

import { Button } from "./Button";
import { copy } from "./clipboard";

const SHOWN_MS = 2_000;

interface Props {
  text: string;
  /** What it is, for who doesn't see it: `the SSH command`. */
  what: string;
  /** How it is shown, if not as it is. */
  children?: ReactNode;
}

/** Text with a button that copies it. */
export function Copyable({ text, what, children }: Props) {
  const [outcome, setOutcome] = useState<"Copied" | "Select it and copy">();
  useEffect(() => {
    if (!outcome) return;
    const timer = setTimeout(() => setOutcome(undefined), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [outcome]);
  const take = async (): Promise<void> =>
    setOutcome((await copy(text)) ? "Copied" : "Select it and copy");
  return (
    <div className="copyable">
      {children ?? (
        // It scrolls where there is no room for it, also by keys.
        <code tabIndex={0} role="textbox" aria-readonly="true" aria-label={what}>
          {text}
        </code>
      )}
      <Button look="quiet" isSmall aria-label={`Copy ${what}`} onPress={() => void take()}>
        {outcome ?? "Copy"}
      </Button>
      <span className="hidden" role="status">
        {outcome}
      </span>
    </div>
  );
}
