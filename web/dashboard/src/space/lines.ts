/** The newest lines of a log, and no more than that. */

/** A line as it comes. */
export interface Written {
  at: string;
  stream: "STDOUT" | "STDERR";
  text: string;
}

export interface Line extends Written {
  /** Counts the lines, from 0. */
  number: number;
}

export const KEPT_LINES = 5_000;

export interface Lines {
  readonly kept: readonly Line[];
  /** How many there were altogether. */
  readonly count: number;
  /** When the newest one was written, which needn't be kept. */
  readonly newestAt: string | undefined;
}

export const NO_LINES: Lines = { kept: [], count: 0, newestAt: undefined };

export function added(lines: Lines, news: readonly Written[]): Lines {
  const numbered = news.map((line, at) => ({ ...line, number: lines.count + at }));
  const kept = [...lines.kept, ...numbered].slice(-KEPT_LINES);
  return { kept, count: lines.count + news.length, newestAt: news.at(-1)?.at ?? lines.newestAt };
}

/** The lines that were there are kept no more, and don't come again. */
export function cleared(lines: Lines): Lines {
  return { ...lines, kept: [] };
}

/**
 * Of what a log begins with when it is followed again, what didn't come before: all behind the newest
 * line. Lines of the very same time as that one count as known.
 */
export function isNews({ newestAt }: Lines, at: string): boolean {
  return newestAt === undefined || at > newestAt;
}

/** A log that is followed. Its lines come one by one, and are put together when somebody looks. */
export class Log {
  #lines = NO_LINES;
  #news: Written[] = [];
  #isCatchingUp = false;

  /** All that came so far. */
  lines(): Lines {
    if (this.#news.length > 0) this.#lines = added(this.#lines, this.#news);
    this.#news = [];
    return this.#lines;
  }

  /** It is followed from now on, for the first time or again: it begins with lines that may be known. */
  begins(): void {
    this.#isCatchingUp = true;
  }

  takes(line: Written): void {
    if (this.#isCatchingUp && !isNews(this.lines(), line.at)) return;
    this.#isCatchingUp = false;
    this.#news.push(line);
    // For as long as a tab isn't seen, nobody looks.
    if (this.#news.length >= KEPT_LINES) this.lines();
  }

  clear(): void {
    this.#lines = cleared(this.lines());
  }
}
