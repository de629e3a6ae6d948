import { expect, test } from "vitest";

import { Painter } from "../src/painter";

/** Draws when the test says so, as xterm.js does when there is time. */
class SlowCanvas {
  readonly done: string[] = [];
  #waiting: (() => void)[] = [];

  write(bytes: Uint8Array, drawn: () => void): void {
    this.#waiting.push(() => {
      this.done.push(new TextDecoder().decode(bytes));
      drawn();
    });
  }

  drawOne(): void {
    this.#waiting.shift()?.();
  }

  get waiting(): number {
    return this.#waiting.length;
  }
}

const bytes = (text: string) => new TextEncoder().encode(text);

test("what isn't bytes happens between the bytes before and behind it", () => {
  const canvas = new SlowCanvas();
  const painter = new Painter(canvas);
  painter.draw(bytes("a"));
  painter.draw(bytes("b"));
  painter.then(() => canvas.done.push("|"));
  painter.draw(bytes("c"));
  painter.then(() => canvas.done.push("."));
  expect(canvas.waiting).toBe(2);
  for (let turn = 0; turn < 3; turn += 1) canvas.drawOne();
  expect(canvas.done.join("")).toBe("ab|c.");
});

test("the backlog is what came and isn't drawn, whether xterm.js has it already or not", () => {
  const canvas = new SlowCanvas();
  const painter = new Painter(canvas);
  let isIdle = false;
  painter.draw(bytes("abc"));
  painter.then(() => {});
  painter.draw(bytes("de"));
  painter.whenIdle(() => (isIdle = true));
  expect(painter.backlogBytes).toBe(5);
  canvas.drawOne();
  expect([painter.backlogBytes, isIdle]).toEqual([2, false]);
  canvas.drawOne();
  expect([painter.backlogBytes, isIdle]).toEqual([0, true]);
});

test("nothing waits where nothing is drawn", () => {
  const painter = new Painter(new SlowCanvas());
  const done: string[] = [];
  painter.then(() => done.push("then"));
  painter.whenIdle(() => done.push("idle"));
  expect(done).toEqual(["then", "idle"]);
});
