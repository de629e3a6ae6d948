import { useEffect, useState } from "react";

import { ago } from "./format";

const TICK_MS = 30_000;

/** How long ago something was; the exact time is its title. */
export function Time({ at }: { at: string }) {
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    const timer = setInterval(() => setNow(new Date()), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  // What has just come is never in the future, whatever the clocks say.
  const seen = new Date(Math.max(now.getTime(), Date.now()));
  return (
    <time dateTime={at} title={new Date(at).toLocaleString()}>
      {ago(at, seen)}
    </time>
  );
}
