import { expect, test } from "vitest";

import { endOf } from "../src/account/NewApiToken";

test("a token holds for a number of days that can be, or without end", () => {
  const now = new Date("2026-11-24T12:00:00Z");
  expect(endOf("", now)).toBeNull();
  expect(endOf("1", now)).toBe("2026-11-25T12:00:00.000Z");
  expect(endOf("36500", now)).toBeDefined();
  for (const days of ["0", "36501", "100000", "-1", "1.5", "ten", " "]) expect(endOf(days, now), days).toBeUndefined();
});
