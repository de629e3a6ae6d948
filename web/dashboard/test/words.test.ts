import { expect, test } from "vitest";

import { bytes } from "../../shared/bytes";
import { LONGEST_WAIT_MS, waitMs } from "../src/connection/backoff";
import { at, elsewhere, wordsOf, type Problem } from "../src/forms/problems";
import { ago } from "../src/parts/format";

const problem = (message: string, path: string[] | null): Problem => ({ code: "INVALID_INPUT", message, path });

test("a problem is shown at its field, and at no other", () => {
  const problems = [problem("is given twice", ["parameters", "1", "name"]), problem("must not be empty", ["name"])];
  expect(at(problems, "name")).toBe("Must not be empty.");
  expect(at(problems, "parameters", "1")).toBe("Is given twice.");
  expect(at(problems, "parameters", "0")).toBeUndefined();
  expect(at(problems, "parameters", "-1")).toBeUndefined();
  expect(elsewhere([...problems, problem("no", null)], [["name"]]).map(({ message }) => message)).toEqual([
    "is given twice",
    "no",
  ]);
});

test("a passed limit says how much of what there is", () => {
  const words = wordsOf({
    code: "QUOTA_EXCEEDED",
    message: "",
    path: null,
    resource: "STORAGE_UNITS",
    limit: 10,
    used: 8,
    requested: 5,
  });
  expect(words).toBe("Your quota of 10 GiB of storage doesn’t suffice: 8 in use, 5 more wanted.");
});

test("times and sizes are said as people say them", () => {
  const now = new Date("2026-11-24T12:00:00Z");
  expect(ago("2026-11-24T11:59:30Z", now)).toBe("just now");
  expect(ago("2026-11-24T11:00:00Z", now)).toBe("1 hour ago");
  expect(ago("2026-11-24T10:00:01Z", now)).toBe("1 hour ago");
  expect(ago("2026-11-26T12:00:00Z", now)).toBe("in 2 days");
  // What was made for 90 days a moment ago.
  expect(ago("2027-02-22T11:59:59Z", now)).toBe("in 90 days");
  expect(ago("2026-11-24T12:00:20Z", now)).toBe("in a moment");
  expect([0, 1023, 1024, 1_572_864, 1024 ** 3 * 20].map(bytes)).toEqual(["0 B", "1023 B", "1 KiB", "1.5 MiB", "20 GiB"]);
});

test("waits grow and are bounded, and nobody waits for nothing", () => {
  const waits = Array.from({ length: 12 }, (_, at) => waitMs(at + 1, 1));
  expect([...waits].sort((a, b) => a - b)).toEqual(waits);
  expect(Math.max(...waits)).toBe(LONGEST_WAIT_MS);
  expect(waitMs(1, 0)).toBeGreaterThan(0);
});
