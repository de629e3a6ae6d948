import { expect, test } from "vitest";

import { Answers } from "../src/answers";

test("questions of the past are never answered, those of now by who typed last", () => {
  let nowMs = 0;
  const answers = new Answers(() => nowMs);
  expect(answers.areGiven).toBe(false);
  answers.isHistory = false;
  expect(answers.areGiven).toBe(true);
  nowMs = 10_000;
  expect(answers.areGiven).toBe(false);
  answers.typedAtMs = nowMs;
  expect(answers.areGiven).toBe(true);
});

/** A parser that notes its handlers by what they are for. */
function governed(answers: Answers): Map<string, (text: never) => unknown> {
  const handlers = new Map<string, (text: never) => unknown>();
  const note = (kind: string) => (id: object | number, handler: (text: never) => unknown) => {
    handlers.set(`${kind} ${typeof id === "number" ? id : Object.values(id).join("")}`, handler);
    return { dispose() {} };
  };
  const parser = {
    registerCsiHandler: note("CSI"),
    registerDcsHandler: note("DCS"),
    registerOscHandler: note("OSC"),
  };
  answers.govern({ parser } as never);
  return handlers;
}

test("a question that isn't answered is kept from xterm.js, and what only looks like one isn't", () => {
  const answers = new Answers(() => 0);
  const handlers = governed(answers);
  const handled = (key: string, text = "") => handlers.get(key)?.(text as never);
  expect(handled("CSI c")).toBe(true);
  expect(handled("OSC 11", "?")).toBe(true);
  expect(handled("OSC 52", "c;?")).toBe(true);
  // These set a colour, and what is copied.
  expect(handled("OSC 11", "#ffffff")).toBe(false);
  expect(handled("OSC 52", "c;aGk=")).toBe(false);
  answers.isHistory = false;
  expect(handled("CSI c")).toBe(false);
  expect(handled("OSC 11", "?")).toBe(false);
});

test("the wish to hear of the focus is taken in any case, and what it is then is told like an answer", () => {
  const answers = new Answers(() => 0);
  const handlers = governed(answers);
  const wish = (...modes: number[]) => handlers.get("CSI ?h")?.(modes as never);
  expect(wish(25, 1004)).toBe(false);
  expect(answers.lets("typed")).toBe(true);
  expect(answers.lets("\x1b[I")).toBe(false);
  // This one comes of a person.
  expect(answers.lets("\x1b[O")).toBe(true);
  wish(25);
  expect(answers.lets("\x1b[I")).toBe(true);
  answers.isHistory = false;
  wish(1004);
  expect(answers.lets("\x1b[I")).toBe(true);
});
