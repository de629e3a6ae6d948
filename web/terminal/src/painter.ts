/**
 * Draws what comes from a terminal, in the order in which it comes.
 *
 * xterm.js parses what it is given later, but changes its size or is reset at once. So whatever
 * isn't bytes waits here until all bytes before it are drawn, and what is behind waits with it.
 */

/** The part of an xterm.js terminal that is used. */
export interface Canvas {
  write(bytes: Uint8Array, drawn: () => void): void;
}

type Step = { bytes: Uint8Array } | { act: () => void };

export class Painter {
  /** Bytes that came and aren't drawn. */
  backlogBytes = 0;

  readonly #canvas: Canvas;
  #steps: Step[] = [];
  #drawing = 0;
  #idle: (() => void)[] = [];

  constructor(canvas: Canvas) {
    this.#canvas = canvas;
  }

  /** Draws bytes. */
  draw(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.backlogBytes += bytes.length;
    this.#steps.push({ bytes });
    this.#go();
  }

  /** Does something between what was to be drawn before and what comes behind. */
  then(act: () => void): void {
    this.#steps.push({ act });
    this.#go();
  }

  /** Calls once everything is drawn. */
  whenIdle(act: () => void): void {
    this.#idle.push(act);
    this.#go();
  }

  #go(): void {
    for (let step = this.#steps[0]; step; step = this.#steps[0]) {
      if ("act" in step) {
        if (this.#drawing > 0) return;
        this.#steps.shift();
        step.act();
      } else {
        this.#steps.shift();
        this.#draw(step.bytes);
      }
    }
    if (this.#drawing > 0) return;
    for (const act of this.#idle.splice(0)) act();
  }

  #draw(bytes: Uint8Array): void {
    this.#drawing += 1;
    this.#canvas.write(bytes, () => {
      this.#drawing -= 1;
      this.backlogBytes -= bytes.length;
      this.#go();
    });
  }
}
