/** Numbers and times for people. */

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "long" });
const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

/** How long ago, in whole units, or in about what time, as seen at `now`. */
export function ago(at: string | Date, now: Date): string {
  const seconds = (new Date(at).getTime() - now.getTime()) / 1000;
  for (const [unit, length] of UNITS) {
    const count = seconds > 0 ? Math.round(seconds / length) : Math.ceil(seconds / length);
    if (count !== 0) return relative.format(count, unit);
  }
  return seconds > 0 ? "in a moment" : "just now";
}

/** `3 spaces`, `1 space`. */
export function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? "" : "s"}`;
}
