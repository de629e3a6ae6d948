import { expect, test } from "vitest";

import { failureOf } from "../src/failure";

test("what the edge says concerns all of the page, what the agent says one file, unless nothing has room", () => {
  const ended = failureOf("SIGN_IN_REQUIRED", "");
  expect([ended.message, ended.reach]).toEqual(["Your sign-in has ended.", "page"]);
  const full = failureOf(null, '{"code":"NO_SPACE","message":"no space left on device"}');
  expect([full.message, full.reach]).toEqual(["There is no room left in the space.", "all"]);
  expect(failureOf(null, '{"code":"FORBIDDEN","message":"permission denied"}').reach).toBe("one");
});

test("what isn't known is said as it was told", () => {
  expect(failureOf(null, '{"code":"LOOP","message":"too many links"}').message).toBe("Too many links.");
  expect(failureOf(null, "<html>").message).toBe("It failed.");
  expect(failureOf("UPSTREAM_BUSY", "").reach).toBe("space");
});
