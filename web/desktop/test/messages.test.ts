import { expect, test } from "vitest";

import type { State } from "../src/connection";
import { meaning } from "../src/edge";
import { messageOf } from "../src/messages";

const waiting = (reason: (State & { is: "waiting" })["reason"], words = ""): State => ({
  is: "waiting", reason, words, untilMs: 3500,
});

test("every state but an open one is said in words", () => {
  expect(messageOf({ is: "open" }, 0)).toBeUndefined();
  expect(messageOf({ is: "connecting" }, 0)?.words).toBe("Connecting …");
  expect(messageOf(waiting("starting"), 0)?.words).toBe("The desktop is starting.");
  expect(messageOf(waiting("absent"), 0)?.words).toContain("has no desktop");
  expect(messageOf(waiting("not running"), 0)?.words).toContain("isn’t running");
  expect(messageOf(waiting("password"), 0)?.words).toContain("password");
  expect(messageOf(waiting("too large"), 0)?.words).toContain("larger than a page can draw");
  expect(messageOf({ is: "barred", bar: "forbidden" }, 0)?.words).toContain("isn’t open to you");
  expect(messageOf({ is: "barred", bar: "signed out" }, 0)?.way?.does).toBe("reload");
});

test("a wait is counted down", () => {
  const words = [0, 1000, 2500, 9000].map((nowMs) => messageOf(waiting("lost"), nowMs)?.words);
  expect(words).toEqual([
    "The connection is lost. Trying again in 4 s.",
    "The connection is lost. Trying again in 3 s.",
    "The connection is lost. Trying again.",
    "The connection is lost. Trying again.",
  ]);
});

test("a desktop that fails says its last words", () => {
  expect(messageOf(waiting("starting", "no display"), 0)?.words).toContain("no display");
});

test("the edge's answers mean what they say", () => {
  expect(meaning(200, null)).toBeUndefined();
  expect(meaning(401, "SIGN_IN_REQUIRED")).toBe("signed out");
  expect(meaning(404, "UNKNOWN_HOST")).toBe("forbidden");
  expect(meaning(503, "SPACE_NOT_RUNNING")).toBe("not running");
  expect(meaning(503, "UPSTREAM_BUSY")).toBeUndefined();
  expect(meaning(502, "NO_AGENT")).toBe("no agent");
  expect(meaning(502, null)).toBeUndefined();
});
