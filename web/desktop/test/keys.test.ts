import { expect, test } from "vitest";

import { COMBINATIONS, keyOfEdit, keysOf, strokes } from "../src/keys";

test("text is written by the keys of its characters", () => {
  expect(keysOf("aÄ~")).toEqual([0x61, 0xc4, 0x7e]);
  expect(keysOf("€你😀")).toEqual([0x010020ac, 0x01004f60, 0x0101f600]);
  expect(keysOf("a\r\nb\t")).toEqual([0x61, 0xff0d, 0x62, 0xff09]);
});

test("what an on-screen keyboard wants done is a key", () => {
  expect(keyOfEdit("deleteContentBackward")).toBe(0xff08);
  expect(keyOfEdit("insertLineBreak")).toBe(0xff0d);
  expect(keyOfEdit("insertText")).toBeUndefined();
});

test("every key of a combination that is pressed is released, the last one first", () => {
  for (const combination of COMBINATIONS) {
    const all = strokes(combination);
    const down = all.filter(([, , isDown]) => isDown).map(([keysym]) => keysym);
    const up = all.filter(([, , isDown]) => !isDown).map(([keysym]) => keysym);
    expect(up).toEqual([...down].reverse());
    expect(all.findIndex(([, , isDown]) => !isDown)).toBe(down.length);
  }
});
