/**
 * Whether this page answers when a program asks the terminal something: what it is, where its cursor
 * stands, which colours it has, whether it has the focus, what was copied.
 *
 * The answer is typed into the terminal. So a question of the past, which is drawn again after a
 * reload, must not be answered: a shell would take the answer for a command. And of several pages
 * that look at one terminal, one should answer: it is the one in which somebody just typed, because
 * programs ask when they start.
 */

import type { IDisposable, Terminal as Xterm } from "@xterm/xterm";

/** For how long somebody who typed is the one who answers. */
const ANSWERED_FOR_MS = 10_000;
/** The mode in which programs hear of the focus. */
const FOCUS_MODE = 1004;

export class Answers {
  /** Whether what is drawn was printed before this page was attached. */
  isHistory = true;
  /** When somebody last typed here, in milliseconds. */
  typedAtMs: number;
  /** Whether the focus that xterm.js tells next is an answer, and not given. */
  #isFocusUntold = false;

  readonly #now: () => number;

  /** Opening a page is like typing in it. */
  constructor(now: () => number) {
    this.#now = now;
    this.typedAtMs = now();
  }

  get areGiven(): boolean {
    return !this.isHistory && this.#now() - this.typedAtMs < ANSWERED_FOR_MS;
  }

  /**
   * Whether what `xterm` would type is to be typed. Programs that want to hear of the focus are told
   * at once how it is, and xterm.js can't take the wish without that.
   */
  lets(text: string): boolean {
    if (!this.#isFocusUntold || !/^\x1b\[[IO]$/.test(text)) return true;
    this.#isFocusUntold = false;
    return false;
  }

  /** Keeps `xterm` from answering when this page doesn't; behind all addons, as the last is asked first. */
  govern({ parser }: Pick<Xterm, "parser">): IDisposable[] {
    // A handler that returns true has handled it: xterm.js, which would answer, isn't asked.
    const swallow = () => !this.areGiven;
    const swallowQuestion = (text: string) => text.split(";").includes("?") && !this.areGiven;
    return [
      parser.registerCsiHandler({ prefix: "?", final: "h" }, (modes) => {
        this.#isFocusUntold = modes.includes(FOCUS_MODE) && !this.areGiven;
        return false;
      }),
      parser.registerCsiHandler({ final: "c" }, swallow),
      parser.registerCsiHandler({ prefix: ">", final: "c" }, swallow),
      parser.registerCsiHandler({ prefix: ">", final: "q" }, swallow),
      parser.registerCsiHandler({ final: "n" }, swallow),
      parser.registerCsiHandler({ prefix: "?", final: "n" }, swallow),
      parser.registerCsiHandler({ intermediates: "$", final: "p" }, swallow),
      parser.registerCsiHandler({ prefix: "?", intermediates: "$", final: "p" }, swallow),
      parser.registerDcsHandler({ intermediates: "$", final: "q" }, swallow),
      ...[4, 10, 11, 12, 52].map((number) => parser.registerOscHandler(number, swallowQuestion)),
    ];
  }
}
