import { useRef } from "react";

/** What is known stays known when asking again fails: the page goes on without a connection. */
export function useKnown<T>(answer: T | undefined): T | undefined {
  const known = useRef(answer);
  if (answer !== undefined) known.current = answer;
  return known.current;
}
