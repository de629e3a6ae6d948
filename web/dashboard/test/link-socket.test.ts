import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { LONGEST_WAIT_MS } from "../src/connection/backoff";
import { ATTEMPT_MS, Link } from "../src/connection/link";
import { graphql } from "../src/graphql";

/** A connection of which nothing is heard until it ends. */
class Connection {
  static readonly all: Connection[] = [];
  onclose: ((event: object) => void) | null = null;
  readonly readyState = 0;

  constructor() {
    Connection.all.push(this);
  }

  close(): void {}
}

const document = graphql(`
  subscription Quota {
    quotaChanged {
      spaces {
        used
      }
    }
  }
`);

let link: Link;

beforeEach(() => {
  const events = { addEventListener() {}, removeEventListener() {} };
  vi.stubGlobal("WebSocket", Connection);
  vi.stubGlobal("window", events);
  vi.stubGlobal("document", { ...events, hidden: false });
  Connection.all.length = 0;
  link = new Link("ws://api/graphql", "a token", () => {});
  link.follow({ document, variables: () => ({}), takes() {} });
});

afterEach(() => {
  link.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("a link that is closed doesn't mind how the connection ends that it is making", async () => {
  const unhandled = vi.fn();
  process.on("unhandledRejection", unhandled);
  await vi.waitUntil(() => Connection.all[0]?.onclose);
  link.close();
  Connection.all[0]?.onclose?.({ code: 4401, reason: "Unauthorized" });
  // They are told of once the queue of what is promised is empty.
  await new Promise((resolve) => setImmediate(resolve));
  process.off("unhandledRejection", unhandled);
  expect(unhandled).not.toHaveBeenCalled();
});

test("an attempt that nobody answers is given up, and made again", async () => {
  link.close();
  vi.useFakeTimers();
  link = new Link("ws://api/graphql", "a token", () => {});
  link.follow({ document, variables: () => ({}), takes() {} });
  await vi.advanceTimersByTimeAsync(0);
  const before = Connection.all.length;
  await vi.advanceTimersByTimeAsync(ATTEMPT_MS - 1);
  expect(link.state.get()).toBe("connecting");
  await vi.advanceTimersByTimeAsync(1);
  expect(link.state.get()).toBe("waiting");
  await vi.advanceTimersByTimeAsync(LONGEST_WAIT_MS);
  expect(Connection.all.length).toBeGreaterThan(before);
});
