import { useEffect, useState } from "react";

/** So long after one click another may be its second. */
const DOUBLE_CLICK_MS = 500;

/**
 * Whether something has been so for long enough to be pressed by who has seen it: the second click of a double
 * click is for what was there before.
 */
export function useSettled<T>(now: T): boolean {
  const [seen, setSeen] = useState({ what: now, isSettled: true });
  if (seen.what !== now) setSeen({ what: now, isSettled: false });
  useEffect(() => {
    if (seen.isSettled) return;
    const timer = setTimeout(() => setSeen({ what: seen.what, isSettled: true }), DOUBLE_CLICK_MS);
    return () => clearTimeout(timer);
  }, [seen]);
  return seen.what === now && seen.isSettled;
}
