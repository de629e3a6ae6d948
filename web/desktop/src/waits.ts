/** How long to wait before it is tried again. */

/** What a try, or a connection, ended with. */
export type Reason = "lost" | "starting" | "absent" | "not running" | "password" | "too large";

/** The first wait and the longest, in milliseconds. Each is twice the last. */
const BOUNDS_MS: Record<Reason, readonly [first: number, longest: number]> = {
  lost: [250, 10_000],
  // Most desktops are there within two seconds.
  starting: [250, 3_000],
  absent: [5_000, 30_000],
  "not running": [1_000, 10_000],
  password: [5_000, 30_000],
  "too large": [5_000, 30_000],
};
/** After a connection that lasted for so long, the next is made at once. */
const GOOD_MS = 5_000;

export class Waits {
  #last: Reason | undefined;
  #failures = 0;

  /**
   * The next wait in milliseconds, after an end for `reason` of a connection that was open for
   * `openMs`, or of none. `random`, from 0 to 1, keeps pages apart that were cut off together.
   */
  next(reason: Reason, openMs: number | undefined, random: number): number {
    // Most often it is one of many that a replaced edge or a change of networks has ended.
    const wasGood = reason === "lost" && openMs !== undefined && openMs >= GOOD_MS;
    if (wasGood || reason !== this.#last) this.#failures = 0;
    this.#last = reason;
    if (wasGood) return 0;
    const [first, longest] = BOUNDS_MS[reason];
    const wait = Math.min(longest, first * 2 ** this.#failures);
    this.#failures += 1;
    return wait * (0.5 + random / 2);
  }
}
