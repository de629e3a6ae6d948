/** How long to wait until the next attempt to connect. */

export const FIRST_WAIT_MS = 500;
export const LONGEST_WAIT_MS = 15_000;

/**
 * After so many failures in a row, from 1. `chance`, from 0 to 1, spreads those who all lost the same
 * server.
 */
export function waitMs(failures: number, chance: number): number {
  const whole = Math.min(FIRST_WAIT_MS * 2 ** (failures - 1), LONGEST_WAIT_MS);
  return whole * (0.5 + chance / 2);
}
