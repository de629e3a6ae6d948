import { useEffect, useState } from "react";

import { useCell } from "../live/cell";
import { Button } from "../parts/Button";
import { useSession } from "../session/session";

const WORDS = {
  live: "Live",
  connecting: "Connecting…",
  waiting: "Reconnecting…",
} as const;

/**
 * Whether what is shown is live. While it isn't, it says since when; what happens meanwhile is made up
 * for once the connection is there again.
 */
export function ConnectionStatus() {
  const { link } = useSession();
  const state = useCell(link.state);
  const isLive = state === "live";
  const [lost, setLost] = useState<Date>();
  useEffect(() => {
    // The first connection is no reconnection.
    setLost((before) => (isLive ? undefined : (before ?? (state === "waiting" ? new Date() : undefined))));
  }, [isLive, state]);

  return (
    <div className="connection" data-state={lost ? "lost" : state}>
      <p role="status">
        <span className="dot" aria-hidden="true" />
        {lost
          ? `Offline. Reconnecting… What you see is of ${lost.toLocaleTimeString()}.`
          : WORDS[state]}
      </p>
      {lost && (
        <Button isSmall onPress={link.hurry}>
          Reconnect now
        </Button>
      )}
    </div>
  );
}
