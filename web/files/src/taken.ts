/** What is in the space already of what is brought. */

import { look } from "./agent";
import type { Entry } from "./entry";
import { Failure } from "./failure";
import { below, contentOf, type Place } from "./place";
import { each } from "./together";
import { byDepth, type Brought } from "./tree";

export interface Taken {
  /** What is there, or on its way there. */
  files: Brought[];
  /** Whether some of them are on their way. */
  areComing: boolean;
  /** Whether there may be more of them, where not all could be seen. */
  mayBeMore: boolean;
}

/**
 * Looks into the directory where all goes, and into each folder of those that it has already. `coming` is where
 * files go that haven't arrived yet.
 */
export async function takenOf(
  place: Place,
  { files, folders }: { files: readonly Brought[]; folders: readonly string[][] },
  coming: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<Taken> {
  const kinds = new Map<string, Entry["kind"]>([["", "directory"]]);
  let mayBeMore = false;
  for (const level of [[[]], ...byDepth(folders)]) {
    // A link may lead to a folder.
    const there = level.filter((way) => ["directory", "symlink"].includes(kinds.get(way.join("/")) ?? ""));
    await each(there, async (way) => {
      const { entries, areAll } = await seen(below(place, way), signal);
      for (const { name, kind } of entries) kinds.set([...way, name].join("/"), kind);
      mayBeMore ||= !areAll;
    });
  }
  const isComing = ({ names }: Brought) => coming.has(contentOf(below(place, names)));
  const taken = files.filter((it) => kinds.has(it.names.join("/")) || isComing(it));
  return { files: taken, areComing: taken.some(isComing), mayBeMore };
}

async function seen(place: Place, signal: AbortSignal): Promise<{ entries: Entry[]; areAll: boolean }> {
  try {
    const found = await look(place, signal);
    if (found.is === "file") return { entries: [], areAll: true };
    return { entries: found.entries, areAll: found.lacking === undefined };
  } catch (error) {
    if (error instanceof Failure && error.reach === "one") return { entries: [], areAll: false };
    throw error;
  }
}
