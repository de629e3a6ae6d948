/** Sends files into the space, from where an earlier upload of them broke. */

import { cancelled, Failure, failureOf, unreadable } from "./failure";
import { contentOf, type Place } from "./place";
import { sentBefore } from "./resume";

/**
 * How long it is waited for another upload to the same place, which may be what is still on its way of the
 * one that broke. The agent lets go of one of which nothing is heard after 10 s.
 */
const PATIENCE_MS = 15_000;
const RETRY_MS = 500;

/** What is seen, and done, of a file on its way. */
export interface Journey {
  /** What was sent before counts. */
  progress(sentBytes: number): void;
  /** What is there already is being compared. */
  compares(): void;
  /** Whether somebody doesn't want it any more. */
  signal: AbortSignal;
}

/** Puts a file where it is to be. The one that was there is replaced once this one is whole. */
export async function send(place: Place, file: Blob, journey: Journey): Promise<void> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await attempt(place, file, journey);
    } catch (error) {
      const isBusy = error instanceof Failure && error.code === "OFFSET_MISMATCH";
      if (!isBusy || performance.now() > until) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

async function attempt(place: Place, file: Blob, { progress, compares, signal }: Journey): Promise<void> {
  const offset = await sentBefore(place, file, compares, signal);
  const query = `size=${file.size}${offset > 0 ? `&offset=${offset}` : ""}`;
  const sent = (count: number) => progress(offset + count);
  await put(`${contentOf(place)}?${query}`, file.slice(offset), sent, signal);
}

function put(path: string, body: Blob, progress: (sentBytes: number) => void, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.reject(cancelled());
  progress(0);
  // Only this tells how much of a request was sent.
  const request = new XMLHttpRequest();
  const cancel = () => request.abort();
  signal.addEventListener("abort", cancel);
  const done = new Promise<void>((resolve, reject) => {
    request.upload.addEventListener("progress", ({ loaded }) => progress(loaded));
    request.addEventListener("load", () => {
      if (request.status < 300) return resolve();
      reject(failureOf(request.getResponseHeader("x-spaceport-error"), request.responseText));
    });
    request.addEventListener("error", () => void broken(body).then(reject));
    request.addEventListener("abort", () => reject(cancelled()));
  });
  request.open("PUT", path);
  request.setRequestHeader("accept", "application/json");
  request.setRequestHeader("content-type", "application/octet-stream");
  request.send(body);
  return done.finally(() => signal.removeEventListener("abort", cancel));
}

/** Why a request came to nothing: the browser doesn't tell a lost connection from a file that it can't read. */
async function broken(body: Blob): Promise<Failure> {
  const isReadable = await body.slice(0, 1).arrayBuffer().then(() => true, () => false);
  return isReadable ? new Failure("The connection broke.", "space") : unreadable();
}
