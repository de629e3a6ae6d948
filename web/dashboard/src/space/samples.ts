/** What a space used over the last minutes. */

import type { ResultOf } from "../graphql";
import type { SpaceStats } from "./Usage";

export type Sample = ResultOf<typeof SpaceStats>["spaceStats"];

export interface Point {
  /** Milliseconds since 1970. */
  at: number;
  value: number;
}

export const SPAN_MS = 5 * 60_000;
const LEAST_SPAN_MS = 60_000;

/** The samples of the span before the next one, and that, in order. */
export function kept(samples: readonly Sample[], next: Sample): Sample[] {
  const end = Date.parse(next.at);
  return [...samples.filter(({ at }) => Date.parse(at) > end - SPAN_MS && at < next.at), next];
}

export function pointsOf(samples: readonly Sample[], value: (sample: Sample) => number): Point[] {
  return samples.map((sample) => ({ at: Date.parse(sample.at), value: value(sample) }));
}

/** How much of the past is drawn: as long as there are samples, within bounds. */
export function spanOf(points: readonly Point[]): number {
  const [first, last] = [points[0], points.at(-1)];
  const known = first && last ? last.at - first.at : 0;
  return Math.min(Math.max(known, LEAST_SPAN_MS), SPAN_MS);
}

/** How fast a counter grew, per second. One that went back began anew with a new container. */
export function rateOf(samples: readonly Sample[], counter: (sample: Sample) => number): Point[] {
  return samples.slice(1).map((sample, index) => {
    const before = samples[index] ?? sample;
    const seconds = (Date.parse(sample.at) - Date.parse(before.at)) / 1000;
    const grown = counter(sample) - counter(before);
    return { at: Date.parse(sample.at), value: seconds > 0 && grown > 0 ? grown / seconds : 0 };
  });
}

/** The top of a scale: 1, 2 or 5 times a power of ten, at least `least`. */
export function ceilingOf(largest: number, least: number): number {
  const wanted = Math.max(largest, least);
  const power = 10 ** Math.floor(Math.log10(wanted));
  const step = [1, 2, 5, 10].find((it) => it * power >= wanted * (1 - 1e-9)) ?? 10;
  return step * power;
}
