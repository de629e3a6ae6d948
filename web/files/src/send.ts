/** Sends files into the space. */

import { cancelled, Failure, failureOf } from "./failure";
import { contentOf, type Place } from "./place";

/** What is seen, and done, of a file on its way. */
export interface Journey {
  progress(sentBytes: number): void;
  /** Whether somebody doesn't want it any more. */
  signal: AbortSignal;
}

/** Puts a file where it is to be. The one that was there is replaced once this one is whole. */
export async function send(place: Place, file: Blob, journey: Journey): Promise<void> {
  await put(contentOf(place), file, journey);
}

function put(path: string, body: Blob, { progress, signal }: Journey): Promise<void> {
  if (signal.aborted) return Promise.reject(cancelled());
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
  try {
    await body.slice(0, 1).arrayBuffer();
  } catch {
    return new Failure("It can’t be read, or has changed since it was chosen.");
  }
  return new Failure("The connection broke.", "space");
}
