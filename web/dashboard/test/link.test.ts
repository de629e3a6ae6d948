import { parse } from "graphql";
import type { ClientOptions, MessageType, Sink } from "graphql-ws";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { FIRST_WAIT_MS, LONGEST_WAIT_MS } from "../src/connection/backoff";
import { Link } from "../src/connection/link";

/** Lets a message come. */
let hear: () => void;

/** Attempts to connect, the newest last. */
const attempts: Sink<unknown>[] = [];

vi.mock("graphql-ws", () => ({
  createClient: ({ on }: ClientOptions) => ({
    subscribe: (_: unknown, sink: Sink<unknown>) => {
      hear = () => on?.message?.({ type: "pong" as MessageType.Pong });
      attempts.push(sink);
      return () => {};
    },
    terminate: () => {},
    dispose: () => {},
  }),
}));

let link: Link;

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, "random").mockReturnValue(1);
  vi.stubGlobal("window", new EventTarget());
  vi.stubGlobal("document", Object.assign(new EventTarget(), { hidden: false }));
  attempts.length = 0;
  link = new Link("ws://api", "token", () => {});
  link.follow({ document: parse("subscription { quotaChanged { spaces { used } } }"), variables: () => ({}), takes: () => {} });
});

afterEach(() => {
  link.close();
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const fail = (): void => attempts.at(-1)?.error({ code: 1006 });

/** One attempt is under way, after so many that failed that the next wait is the longest. */
function failForLong(): void {
  for (let count = 0; count < 10; count += 1) {
    fail();
    vi.advanceTimersByTime(LONGEST_WAIT_MS);
  }
}

test("what fails again and again is tried ever later", () => {
  failForLong();
  const before = attempts.length;
  fail();
  vi.advanceTimersByTime(LONGEST_WAIT_MS - 1);
  expect(attempts).toHaveLength(before);
  vi.advanceTimersByTime(1);
  expect(attempts).toHaveLength(before + 1);
});

test("a browser that is online again tries at once what waits", () => {
  failForLong();
  const before = attempts.length;
  fail();
  window.dispatchEvent(new Event("online"));
  expect(attempts).toHaveLength(before + 1);
});

test("an attempt that fails after the browser is online again is soon followed by the next", () => {
  failForLong();
  const before = attempts.length;
  window.dispatchEvent(new Event("online"));
  expect(attempts).toHaveLength(before);
  fail();
  vi.advanceTimersByTime(FIRST_WAIT_MS);
  expect(attempts).toHaveLength(before + 1);
});

test("a connection that is lost knows when the API was last heard of", () => {
  vi.setSystemTime("2026-11-24T12:00:00Z");
  hear();
  vi.setSystemTime("2026-11-24T12:00:15Z");
  fail();
  expect(link.state.get()).toBe("waiting");
  expect(link.lastHeard).toEqual(new Date("2026-11-24T12:00:00Z"));
});
