import { expect, test } from "vitest";

import { atDoorsOf, silenceOf } from "../src/spaces/status";

const failure = {
  code: "EXITED_EARLY" as const,
  message: "exited with code 3, 15 ms after its start",
  at: "2026-11-24T12:00:00Z",
  exitCode: 3,
  oomKilled: false,
  logTail: ["last words"],
};

test("a space that is about to run isn't called one that doesn't", () => {
  expect(atDoorsOf({ status: "RUNNING", desiredStatus: "RUNNING" })).toBeUndefined();
  for (const status of ["CREATED", "STARTING", "STOPPING"] as const) {
    expect(atDoorsOf({ status, desiredStatus: "RUNNING" })).toMatch(/^It is starting/);
  }
  for (const status of ["CREATED", "STARTING", "STOPPING", "STOPPED"] as const) {
    expect(atDoorsOf({ status, desiredStatus: "STOPPED" })).toMatch(/^It doesn’t run/);
  }
});

test("a log without lines doesn't deny what was written", () => {
  expect(silenceOf({ status: "RUNNING", failure: null })).toBe("Nothing was written yet.");
  expect(silenceOf({ status: "CREATED", failure: null })).toBe("It wasn’t started yet.");
  const gone = "It doesn’t run, and its log went with its container.";
  expect(silenceOf({ status: "STOPPED", failure: null })).toBe(gone);
  expect(silenceOf({ status: "STOPPED", failure: { ...failure, logTail: [] } })).toBe(gone);
  expect(silenceOf({ status: "STOPPED", failure })).toBe(`${gone} The last it wrote stands above.`);
});
