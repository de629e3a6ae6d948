/** What the space has already of a file, from an upload that broke. */

import { unfinished } from "./agent";
import { digestOf } from "./digest";
import { Failure } from "./failure";
import type { Place } from "./place";

/** What is smaller is sent at once. */
const RESUMED_BYTES = 4 << 20;

/**
 * How many bytes of a file needn't be sent again. The part that is there may be of somebody else's upload,
 * or of another file of this name: it counts only if the file begins with it. `compares` is told when that
 * is looked at, which may take a while.
 */
export async function sentBefore(place: Place, file: Blob, compares: () => void, signal: AbortSignal): Promise<number> {
  if (file.size < RESUMED_BYTES) return 0;
  const part = await partOf(place, file.size + 1, signal);
  if (part.size === 0 || part.size > file.size) return 0;
  compares();
  return (await digestOf(file.slice(0, part.size), signal)) === part.digest ? part.size : 0;
}

async function partOf(place: Place, bytesMax: number, signal: AbortSignal): Promise<{ size: number; digest: string }> {
  try {
    return await unfinished(place, bytesMax, signal);
  } catch (error) {
    // There is none, or none that can be gone on with.
    if (error instanceof Failure && error.reach === "one") return { size: 0, digest: "" };
    throw error;
  }
}
