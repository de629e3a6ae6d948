import { afterEach, expect, test, vi } from "vitest";

import { look, unfinished } from "../src/agent";
import { Failure } from "../src/failure";
import { HOME } from "../src/place";


/** A space whose answers begin well, and then end so. */
function space(ends: (body: ReadableStreamDefaultController<Uint8Array>, signal: AbortSignal) => void): void {
  vi.stubGlobal("fetch", async (_: string, { signal }: { signal: AbortSignal }) => {
    const body = new ReadableStream<Uint8Array>({ pull: (it) => ends(it, signal) });
    return new Response(body, { headers: { "spaceport-kind": "directory" } });
  });
}

afterEach(() => vi.unstubAllGlobals());

test("an answer that breaks off is a space that can't be reached", async () => {
  for (const ask of [() => look(HOME), () => unfinished(HOME, 1, new AbortController().signal)]) {
    space((body) => body.error(new TypeError("network error")));
    const failure: unknown = await ask().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Failure);
    expect(failure).toMatchObject({ message: "The space can’t be reached.", reach: "space" });
  }
});

test("who doesn't want to know any more waits for no answer that has begun", async () => {
  const unwanted = new AbortController();
  space((body, signal) => {
    signal.addEventListener("abort", () => body.error(signal.reason));
    setTimeout(() => unwanted.abort());
  });
  await expect(look(HOME, unwanted.signal)).rejects.toThrow("Cancelled.");
});
