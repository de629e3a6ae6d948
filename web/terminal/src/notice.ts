/** A line above a terminal that says how it is, and is in nobody's way. */

import type { Bar } from "./connection";
import type { Refusal } from "./protocol";

/** An interruption that is shorter isn't worth a word. */
const UNTOLD_MS = 1000;

const BARS: Record<Bar, { words: string; way: string }> = {
  "signed out": { words: "Your sign-in has ended.", way: "Sign in again" },
  forbidden: { words: "This space isn't open to you any more.", way: "Look again" },
  "not running": { words: "The space isn't running. What ran in this terminal has ended.", way: "Go on" },
};

export class Notice {
  readonly element = document.createElement("div");
  readonly #words = document.createElement("span");
  readonly #way = document.createElement("button");
  readonly #retry: () => void;
  #timer = 0;
  #pending = () => {};
  #act = () => {};

  /** `retry` connects at once. */
  constructor(retry: () => void) {
    this.#retry = retry;
    this.element.className = "notice";
    this.element.setAttribute("role", "status");
    this.element.hidden = true;
    this.#way.type = "button";
    this.#way.addEventListener("click", () => this.#act());
    this.element.append(this.#words, this.#way);
  }

  /** The connection is lost, and tried again at a time. */
  lost(untilMs: number): void {
    const seconds = Math.ceil((untilMs - Date.now()) / 1000);
    const again = seconds > 1 ? `Trying again in ${seconds} s.` : "Trying again.";
    this.#sayIfItLasts(`The connection is lost. ${again}`, "Try now", this.#retry);
  }

  /** A connection is being made. */
  trying(): void {
    this.#sayIfItLasts("Connecting …");
  }

  /** It is no use to try again. The page, loaded anew, leads on. */
  barred(bar: Bar): void {
    const { words, way } = BARS[bar];
    this.#say(words, way, () => location.reload());
  }

  refused({ message }: Refusal): void {
    this.#say(`There is no terminal: ${message}.`.replace("..", "."));
  }

  ended(words: string): void {
    this.#say(words);
  }

  /** The browser didn't let the page copy; said where nothing else is. `done` when that was read. */
  uncopied(done: () => void): void {
    if (!this.element.hidden || this.#timer !== 0) return;
    this.#say("Nothing was copied: the browser doesn't allow it.", "Close", () => {
      this.clear();
      done();
    });
  }

  /** All is well. */
  clear(): void {
    this.#stop();
    this.element.hidden = true;
  }

  #sayIfItLasts(words: string, way?: string, act?: () => void): void {
    if (!this.element.hidden) return this.#say(words, way, act);
    this.#pending = () => this.#say(words, way, act);
    if (this.#timer === 0) this.#timer = window.setTimeout(() => this.#pending(), UNTOLD_MS);
  }

  #say(words: string, way?: string, act = () => {}): void {
    this.#stop();
    this.#words.textContent = words;
    this.#way.textContent = way ?? "";
    this.#way.hidden = way === undefined;
    this.#act = act;
    this.element.hidden = false;
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#timer = 0;
  }
}
