import { expect, test } from "vitest";

import { failureOf } from "../src/failure";

test("what the edge says concerns all of the page, what the agent says one file", () => {
  const ended = failureOf("SIGN_IN_REQUIRED", "");
  expect([ended.message, ended.isForAll]).toEqual(["Your sign-in has ended.", true]);
  const full = failureOf(null, '{"code":"NO_SPACE","message":"no space left on device"}');
  expect([full.message, full.isForAll]).toEqual(["There is no room left in the space.", false]);
});

test("what isn't known is said as it was told", () => {
  expect(failureOf(null, '{"code":"LOOP","message":"too many links"}').message).toBe("Too many links.");
  expect(failureOf(null, "<html>").message).toBe("It failed.");
  expect(failureOf("UPSTREAM_BUSY", "").isForAll).toBe(false);
});
