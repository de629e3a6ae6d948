import { afterEach, expect, test, vi } from "vitest";

import { createApi, faultOf } from "../src/connection/client";
import { ViewerDocument } from "../src/session/session";

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

test("what is never answered is given up, and said like a lost connection", async () => {
  const timeout = new AbortController();
  vi.spyOn(AbortSignal, "timeout").mockReturnValue(timeout.signal);
  const silent = (_: unknown, { signal }: { signal: AbortSignal }) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  vi.stubGlobal("fetch", silent);
  const asked = createApi("token", () => {}).query(ViewerDocument, {}).toPromise();
  await vi.waitFor(() => expect(AbortSignal.timeout).toHaveBeenCalled());
  timeout.abort(new DOMException("timed out", "TimeoutError"));
  const { error } = await asked;
  expect(error && faultOf(error)).toBe("Spaceport couldn’t be reached. Try again.");
});
