/** What is in a directory, as the agent tells it: a line of JSON for each. */

import { textOf } from "./name";

export interface Entry {
  /** As URLs spell it. */
  name: string;
  kind: "file" | "directory" | "symlink" | "other";
  sizeBytes: number;
  changedAtMs: number;
  /** Where a symbolic link leads, as URLs spell it. */
  target?: string;
}

/** What a listing lacks, and why. */
export interface Lacking {
  words: string;
}

type Line = {
  name: string;
  kind?: Entry["kind"];
  size: number;
  mtime: string;
  target?: string;
  error?: { message: string };
};

export function read(line: string): Entry | Lacking {
  const { name, kind, size, mtime, target, error } = JSON.parse(line) as Line;
  if (!kind) return { words: error?.message ?? "something can’t be read" };
  const entry: Entry = { name, kind, sizeBytes: size, changedAtMs: Number(mtime) * 1000 };
  return target === undefined ? entry : { ...entry, target };
}

/** The lines of a stream of bytes, but for empty ones. */
export async function* lines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  const reader = stream.getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      const whole = (rest + decoder.decode(value, { stream: !done })).split("\n");
      rest = whole.pop() ?? "";
      yield* whole.filter((it) => it !== "");
      if (done) break;
    }
    if (rest !== "") yield rest;
  } finally {
    // Who has seen enough doesn't wait for the rest, and has been told if the stream broke.
    reader.cancel().catch(() => {});
  }
}

const order = new Intl.Collator("en", { numeric: true });

/** Directories first, and all by their names. */
export function sorted(entries: readonly Entry[]): Entry[] {
  const rank = ({ kind }: Entry) => (kind === "directory" ? 0 : 1);
  return entries
    .map((entry) => ({ entry, text: textOf(entry.name) }))
    .sort((one, other) => rank(one.entry) - rank(other.entry) || order.compare(one.text, other.text))
    .map(({ entry }) => entry);
}
