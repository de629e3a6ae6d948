import { useEffect, useState } from "react";

import { useCell } from "../live/cell";
import { Button } from "../parts/Button";
import { useSession } from "../session/session";

const WORDS = {
  live: "Live",
  connecting: "Connecting…",
  waiting: "Reconnecting…",
} as const;

/** In a word, whether what is shown is live. */
export function ConnectionStatus() {
  const { link } = useSession();
  const state = useCell(link.state);
  return (
    <p className="connection" data-state={state} role="status">
      <span className="dot" aria-hidden="true" />
      <span className="word">{WORDS[state]}</span>
    </p>
  );
}

/**
 * Since when what is shown isn't live. What happens meanwhile is made up for once the connection is
 * there again.
 */
export function LostConnection() {
  const { link } = useSession();
  const state = useCell(link.state);
  const [lost, setLost] = useState<Date>();
  useEffect(() => {
    // Attempts to come back don't end it, and the first connection doesn't begin it.
    if (state === "live") setLost(undefined);
    else if (state === "waiting") setLost((before) => before ?? link.lastHeard);
  }, [state, link]);
  if (!lost) return null;
  return (
    <div className="lost">
      <p role="status">Offline. What you see is of {lost.toLocaleTimeString("en-GB")}.</p>
      <Button isSmall onPress={link.hurry}>
        Reconnect now
      </Button>
    </div>
  );
}
