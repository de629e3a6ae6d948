/** The newest lines of a log, and no more than that. */

export interface Line {
  /** Counts the lines, from 0. */
  number: number;
  at: string;
  stream: "STDOUT" | "STDERR";
  text: string;
}

export const KEPT_LINES = 5_000;

export interface Lines {
  readonly kept: readonly Line[];
  /** How many there were altogether. */
  readonly count: number;
}

export const NO_LINES: Lines = { kept: [], count: 0 };

export function added(lines: Lines, news: readonly Omit<Line, "number">[]): Lines {
  const numbered = news.map((line, at) => ({ ...line, number: lines.count + at }));
  const kept = [...lines.kept, ...numbered].slice(-KEPT_LINES);
  return { kept, count: lines.count + news.length };
}

/**
 * Of what a log begins with when it is followed again, what wasn't shown yet: all behind the newest
 * line shown. Lines of the very same time as that one count as shown.
 */
export function isNews(lines: Lines, at: string): boolean {
  const last = lines.kept.at(-1);
  return last === undefined || at > last.at;
}
