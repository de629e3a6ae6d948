/**
 * Whether this page answers when a program asks the terminal something: what it is, where its cursor
 * stands, which colours it has.
 *
 * The answer is typed into the terminal. So a question of the past, which is drawn again after a
 * reload, must not be answered: a shell would take the answer for a command. And of several pages
 * that look at one terminal, one should answer: it is the one in which somebody just typed, because
 * programs ask when they start.
 */

import type { IDisposable, Terminal as Xterm } from "@xterm/xterm";

/** For how long somebody who typed is the one who answers. */
const ANSWERED_FOR_MS = 10_000;

export class Answers {
  /** Whether what is drawn was printed before this page was attached. */
  isHistory = true;
  /** When somebody last typed here, in milliseconds. */
  typedAtMs: number;

  readonly #now: () => number;

  /** Opening a page is like typing in it. */
  constructor(now: () => number) {
    this.#now = now;
    this.typedAtMs = now();
  }

  get areGiven(): boolean {
    return !this.isHistory && this.#now() - this.typedAtMs < ANSWERED_FOR_MS;
  }

  /** Keeps `xterm` from answering when this page doesn't. */
  govern({ parser }: Pick<Xterm, "parser">): IDisposable[] {
    // A handler that returns true has handled it: xterm.js, which would answer, isn't asked.
    const swallow = () => !this.areGiven;
    const ofColours = (text: string) => text.split(";").includes("?") && !this.areGiven;
    return [
      parser.registerCsiHandler({ final: "c" }, swallow),
      parser.registerCsiHandler({ prefix: ">", final: "c" }, swallow),
      parser.registerCsiHandler({ prefix: ">", final: "q" }, swallow),
      parser.registerCsiHandler({ final: "n" }, swallow),
      parser.registerCsiHandler({ prefix: "?", final: "n" }, swallow),
      parser.registerCsiHandler({ intermediates: "$", final: "p" }, swallow),
      parser.registerCsiHandler({ prefix: "?", intermediates: "$", final: "p" }, swallow),
      parser.registerDcsHandler({ intermediates: "$", final: "q" }, swallow),
      ...[4, 10, 11, 12].map((number) => parser.registerOscHandler(number, ofColours)),
    ];
  }
}
