import { expect, test } from "vitest";

import { complaint, shown, spelled, textOf } from "../src/name";

test("a name is spelled as the agent spells it, and read back", () => {
  expect(spelled("a b#c%d?e.txt")).toBe("a%20b%23c%25d%3Fe.txt");
  expect(spelled("<img src=x>'!*()")).toBe("%3Cimg%20src%3Dx%3E%27%21%2A%28%29");
  for (const name of ["plain", "\ufeffmark", "Grüße 🎉", "100%", "line\nbreak", "%41"]) expect(textOf(spelled(name))).toBe(name);
});

test("bytes that are no text, and half an encoding, are shown all the same", () => {
  expect(textOf("a%FFb")).toBe("a\ufffdb");
  expect(textOf("50%")).toBe("50%");
  expect(textOf("%4")).toBe("%4");
});

test("no name looks like another one by what isn't seen", () => {
  expect(shown("a%0Ab%09")).toBe("a\u240ab\u2409");
  expect(shown("%7F")).toBe("\ufffd");
  expect(shown(spelled("gpj.\u202eexe"))).toBe("gpj.\ufffdexe");
  expect(shown(spelled("a\u200bb\ufeff"))).toBe("a\ufffdb\ufffd");
  for (const unseen of ["\u00ad", "\u061c", "\u200e", "\u2061", "\u{e0041}"]) {
    expect(shown(spelled(`notes${unseen}`)), unseen).toBe("notes\ufffd");
  }
  expect(shown(spelled("👩‍💻"))).toBe("👩‍💻");
});

test("what nothing can be called is told", () => {
  for (const bad of ["", ".", "..", "a/b", "a\0", "ü".repeat(128)]) expect(complaint(bad), bad).toBeTypeOf("string");
  for (const good of ["...", "a b", "<i>", "ü".repeat(127)]) expect(complaint(good), good).toBeUndefined();
});
