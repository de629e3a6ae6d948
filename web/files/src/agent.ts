/** Asks the space's agent for files, by way of the edge. */

import { lines, read, type Entry } from "./entry";
import { cancelled, Failure, failureOf, lost, sentence } from "./failure";
import { contentOf, type Place } from "./place";

/** How long an answer may take to begin. */
const TIMEOUT_MS = 60_000;
/** The same where very many files are removed, or a very large one is read: as long as the edge waits. */
const LONG_TIMEOUT_MS = 3_600_000;
/** More entries of one directory aren't shown. */
const ENTRIES_MAX = 10_000;

export type Found =
  | { is: "directory"; entries: Entry[]; lacking: string | undefined }
  | { is: "file"; sizeBytes: number };

/** What is at a place. */
export function look(place: Place, signal?: AbortSignal): Promise<Found> {
  return ask("GET", contentOf(place), { signal }, async ({ headers, body }) => {
    if (headers.get("spaceport-kind") === "directory" && body) return { is: "directory", ...(await entries(body)) };
    // Its content is for who downloads it.
    await body?.cancel();
    return { is: "file", sizeBytes: Number(headers.get("content-length") ?? 0) };
  });
}

async function entries(body: ReadableStream<Uint8Array>): Promise<{ entries: Entry[]; lacking: string | undefined }> {
  const found: Entry[] = [];
  for await (const line of lines(body)) {
    const entry = read(line);
    if ("words" in entry) return { entries: found, lacking: sentence(entry.words) };
    if (found.length === ENTRIES_MAX) return { entries: found, lacking: "There is more, which isn’t shown." };
    found.push(entry);
  }
  return { entries: found, lacking: undefined };
}

/** Makes a directory; one that is there is as good. Says whether it is new. */
export function putDirectory(place: Place, signal?: AbortSignal): Promise<boolean> {
  return ask("PUT", `${contentOf(place)}?kind=directory`, { signal }, async ({ status }) => status === 201);
}

/** Makes a directory where nothing is yet. */
export async function makeDirectory(place: Place): Promise<void> {
  if (!(await putDirectory(place))) throw failureOf(null, JSON.stringify({ code: "EXISTS" }));
}

/** Removes what is there, with all that is in it. */
export async function remove(place: Place): Promise<void> {
  await ask("DELETE", `${contentOf(place)}?recursive`, { timeoutMs: LONG_TIMEOUT_MS }, async () => {});
}

/** Moves something to where nothing is yet. */
export async function move(place: Place, to: Place): Promise<void> {
  await ask("POST", `${contentOf(place)}?move-to=${encodeURIComponent(contentOf(to))}`, {}, async () => {});
}

/** How much there is of an upload that isn't whole, up to `bytesMax`, and the digest of that. */
export function unfinished(
  place: Place,
  bytesMax: number,
  signal: AbortSignal,
): Promise<{ size: number; digest: string }> {
  const path = `${contentOf(place)}?part&digest-of=${bytesMax}`;
  return ask("GET", path, { signal, timeoutMs: LONG_TIMEOUT_MS }, (response) => response.json());
}

interface Asking {
  /** Whether somebody doesn't want it any more. */
  signal?: AbortSignal | undefined;
  timeoutMs?: number;
}

/** Asks, and reads what a good answer says by `take`. */
async function ask<T>(
  method: string,
  path: string,
  { signal, timeoutMs = TIMEOUT_MS }: Asking,
  take: (response: Response) => Promise<T>,
): Promise<T> {
  if (signal?.aborted) throw cancelled();
  const enough = new AbortController();
  const end = () => enough.abort();
  const timer = setTimeout(end, timeoutMs);
  signal?.addEventListener("abort", end);
  try {
    const response = await fetch(path, {
      method,
      headers: { accept: "application/json" },
      signal: enough.signal,
    });
    if (!response.ok) throw failureOf(response.headers.get("x-spaceport-error"), await response.text());
    // What has begun may take its time.
    clearTimeout(timer);
    return await take(response);
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw signal?.aborted ? cancelled() : lost();
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", end);
  }
}
