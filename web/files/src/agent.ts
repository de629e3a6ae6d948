/** Asks the space's agent for files, by way of the edge. */

import { lines, read, type Entry } from "./entry";
import { Failure, failureOf, LOST, sentence } from "./failure";
import { contentOf, type Place } from "./place";

/** How long an answer may take to begin. */
const TIMEOUT_MS = 60_000;
/** The same where very many files are removed: as long as the edge waits. */
const REMOVAL_TIMEOUT_MS = 3_600_000;
/** More entries of one directory aren't shown. */
const ENTRIES_MAX = 10_000;

export type Found =
  | { is: "directory"; entries: Entry[]; lacking: string | undefined }
  | { is: "file"; sizeBytes: number };

/** What is at a place. */
export async function look(place: Place): Promise<Found> {
  const enough = new AbortController();
  const response = await ask("GET", contentOf(place), { enough });
  if (response.headers.get("spaceport-kind") === "directory" && response.body) {
    return { is: "directory", ...(await entries(response.body)) };
  }
  // Its content is for who downloads it.
  enough.abort();
  return { is: "file", sizeBytes: Number(response.headers.get("content-length") ?? 0) };
}

async function entries(body: ReadableStream<Uint8Array>): Promise<{ entries: Entry[]; lacking: string | undefined }> {
  const found: Entry[] = [];
  try {
    for await (const line of lines(body)) {
      const entry = read(line);
      if ("words" in entry) return { entries: found, lacking: sentence(entry.words) };
      if (found.length === ENTRIES_MAX) return { entries: found, lacking: "There is more, which isn’t shown." };
      found.push(entry);
    }
  } catch {
    throw new Failure(LOST);
  }
  return { entries: found, lacking: undefined };
}

/** Makes a directory where nothing is yet. */
export async function makeDirectory(place: Place): Promise<void> {
  const { status } = await ask("PUT", `${contentOf(place)}?kind=directory`);
  // One that is there is as good to the agent.
  if (status !== 201) throw failureOf(null, JSON.stringify({ code: "EXISTS" }));
}

/** Removes what is there, with all that is in it. */
export async function remove(place: Place): Promise<void> {
  await ask("DELETE", `${contentOf(place)}?recursive`, { timeoutMs: REMOVAL_TIMEOUT_MS });
}

/** Moves something to where nothing is yet. */
export async function move(place: Place, to: Place): Promise<void> {
  await ask("POST", `${contentOf(place)}?move-to=${encodeURIComponent(contentOf(to))}`);
}

async function ask(
  method: string,
  path: string,
  { enough = new AbortController(), timeoutMs = TIMEOUT_MS } = {},
): Promise<Response> {
  const timer = setTimeout(() => enough.abort(), timeoutMs);
  try {
    const response = await fetch(path, {
      method,
      headers: { accept: "application/json" },
      signal: enough.signal,
    });
    if (response.ok) return response;
    throw failureOf(response.headers.get("x-spaceport-error"), await response.text());
  } catch (error) {
    throw error instanceof Failure ? error : new Failure(LOST);
  } finally {
    clearTimeout(timer);
  }
}

/** A file on its way. */
export interface Sending {
  done: Promise<void>;
  cancel(): void;
}

/** Puts a file where it is to be. The one that was there is replaced once this one is whole. */
export function send(place: Place, file: Blob, progress: (sentBytes: number) => void): Sending {
  // Only this tells how much of a request was sent.
  const request = new XMLHttpRequest();
  const done = new Promise<void>((resolve, reject) => {
    request.upload.addEventListener("progress", ({ loaded }) => progress(loaded));
    request.addEventListener("load", () => {
      if (request.status < 300) return resolve();
      reject(failureOf(request.getResponseHeader("x-spaceport-error"), request.responseText));
    });
    request.addEventListener("error", () => reject(new Failure("The connection broke.")));
    request.addEventListener("abort", () => reject(new Failure("Cancelled.")));
  });
  request.open("PUT", contentOf(place));
  request.setRequestHeader("accept", "application/json");
  request.setRequestHeader("content-type", "application/octet-stream");
  request.send(file);
  return { done, cancel: () => request.abort() };
}
