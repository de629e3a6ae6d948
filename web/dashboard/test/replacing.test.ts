import { expect, test } from "vitest";

import { replacing } from "../src/forms/replacing";

test("a field is emptied of what was sent, and keeps what was typed since", () => {
  expect(replacing("one", "")("one")).toBe("");
  expect(replacing("one", "")("two")).toBe("two");
});
