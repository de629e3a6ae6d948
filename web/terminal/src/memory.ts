/** Which terminal this browser tab shows, so that it does so again when it is loaded anew. */

/** A session's memory; the address says the same, to be bookmarked or given to somebody. */
const KEY = "terminal";

/** The terminal that was shown; nothing if there was none. */
export function shown(): number | undefined {
  const id = Number(location.hash.slice(1) || sessionStorage.getItem(KEY) || undefined);
  return Number.isSafeInteger(id) ? id : undefined;
}

/** Notes which one is shown. */
export function show(id: number): void {
  sessionStorage.setItem(KEY, String(id));
  history.replaceState(null, "", `#${id}`);
}
