import { describe, expect, test } from "vitest";

import {
  dataFrames, exitWords, Misspoken, readFrame, readGreeting, sizeFrame,
} from "../src/protocol";

const message = (...bytes: number[]) => new Uint8Array(bytes).buffer;
const text = (kind: number, words: string) => message(kind, ...new TextEncoder().encode(words));

describe("what comes", () => {
  test("every kind of frame is read as the agent spells it", () => {
    expect(readFrame(message(0, 27, 255))).toEqual({ kind: "data", bytes: new Uint8Array([27, 255]) });
    expect(readFrame(message(7, 65))).toEqual({ kind: "screen", bytes: new Uint8Array([65]) });
    expect(readFrame(message(6, 0, 0, 0, 1, 0, 0, 0, 2))).toEqual({ kind: "reset", position: 2 ** 32 + 2 });
    expect(readFrame(message(3, 0, 80, 1, 0, 0, 0, 0, 0))).toEqual({
      kind: "size",
      size: { columns: 80, rows: 256 },
    });
    expect(readFrame(text(5, '{"STATUS":3}'))).toEqual({ kind: "exit", exit: { status: 3 } });
    expect(readFrame(text(5, '{"SIGNAL":{"name":"HUP","core_dumped":false}}'))).toEqual({
      kind: "exit",
      exit: { signal: "HUP" },
    });
  });

  test("a size that no terminal has is cut down", () => {
    expect(readFrame(message(3, 255, 255, 255, 255, 0, 0, 0, 0))).toEqual({
      kind: "size",
      size: { columns: 1000, rows: 1000 },
    });
  });

  test("kinds that are younger than the page are passed over", () => {
    expect(readFrame(message(99, 1, 2))).toBeUndefined();
    expect(readFrame(message())).toBeUndefined();
  });

  test("what isn't as the protocol has it is refused", () => {
    for (const wrong of [message(6, 1), message(3, 0, 80), text(5, "{}"), text(5, "no JSON")]) {
      expect(() => readFrame(wrong)).toThrow(Misspoken);
    }
    for (const wrong of ["", "null", "[]", '{"id":"3"}']) {
      expect(() => readGreeting(wrong)).toThrow(Misspoken);
    }
  });

  test("a greeting is a terminal or a refusal, and an older agent says less of it", () => {
    const said = { id: 3, title: "vim", size: { columns: 80, rows: 24 }, viewers: 1, busy: true };
    const terminal = { ...said, position: 5, end: 9 };
    expect(readGreeting(JSON.stringify({ ...terminal, younger: 1 }))).toEqual({ terminal });
    expect(readGreeting('{"id":3}')).toMatchObject({ terminal: { title: "", position: 0, end: 0 } });
    expect(readGreeting('{"code":"BUSY","message":"too many"}')).toEqual({
      refusal: { code: "BUSY", message: "too many" },
    });
  });
});

describe("what goes", () => {
  test("a long paste goes in frames that an agent takes, with nothing lost", () => {
    const pasted = Uint8Array.from({ length: 150_000 }, (_, at) => at % 251);
    const frames = dataFrames(pasted);
    expect(frames.map((it) => it.length)).toEqual([65_537, 65_537, 150_000 - 2 * 65_536 + 1]);
    expect(frames.every((it) => it[0] === 0)).toBe(true);
    expect(frames.flatMap((it) => [...it.subarray(1)])).toEqual([...pasted]);
    expect(dataFrames(new Uint8Array())).toEqual([]);
  });

  test("a size is spelled as the agent reads it", () => {
    expect([...sizeFrame({ columns: 300, rows: 24 })]).toEqual([3, 1, 44, 0, 24, 0, 0, 0, 0]);
  });
});

test("an end says how", () => {
  expect(exitWords({ status: 0 })).toBe("Ended.");
  expect(exitWords({ status: 2 })).toBe("Ended with the status 2.");
  expect(exitWords({ signal: "KILL" })).toBe("Ended by the signal KILL.");
});
