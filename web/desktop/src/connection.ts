/**
 * The connection of a page to the desktop, which outlives WebSockets.
 *
 * ```text
 *              RFB is spoken             ended                  time, or a person
 * connecting ───────────────▶ open ───────────────▶ waiting ──────────────────────▶ connecting
 *     │                                                ▲  │ the edge says that it's no use
 *     └──────────────── ended ─────────────────────────┘  └──▶ barred
 * ```
 *
 * None of this touches the page or a clock of its own: both are given.
 */

import { Waits, type Reason } from "./waits";

/** How long a WebSocket may take until RFB is spoken on it. */
const OPENING_TIMEOUT_MS = 15_000;

/** How the edge ends a WebSocket of which it knows why (`proxy/src/desktop/bridge.rs`). */
const CODES = new Map<number, Reason>([
  [4404, "absent"],
  [4503, "starting"],
]);

/** Why it is no use to ask again. */
export type Bar = "signed out" | "forbidden" | "no agent";

/** How a connection is. */
export type State =
  | { is: "connecting" }
  | { is: "open" }
  | { is: "waiting"; reason: Reason; words: string; untilMs: number }
  | { is: "barred"; bar: Bar }
  | { is: "closed" };

/** A WebSocket on which RFB is spoken. */
export interface Link {
  close(): void;
}

/** Whom a link tells. */
export interface LinkListener {
  /** The desktop is there. */
  opened(): void;
  /** It has ended, by a close code and the other side's words (RFC 6455 §7.1). */
  ended(code: number, words: string): void;
  /** The desktop wants a password, of which nobody here knows. */
  asked(): void;
  /** The desktop says that it is larger than anything that can be drawn. */
  oversized(): void;
}

/** The world outside. */
export interface World {
  open(listener: LinkListener): Link;
  /** What the edge says of the way in: why it is closed, or nothing. */
  look(): Promise<Bar | "not running" | undefined>;
  now(): number;
  /** Calls back after a time, unless what it returns is called first. */
  after(ms: number, act: () => void): () => void;
  /** From 0 to 1. */
  random(): number;
}

export class Connection {
  #state: State = { is: "closed" };
  #link: Link | undefined;
  #cancel = () => {};
  /** When RFB began to be spoken. */
  #openedMs = 0;

  readonly #waits = new Waits();
  readonly #world: World;
  readonly #changed: (state: State) => void;

  constructor(world: World, changed: (state: State) => void) {
    this.#world = world;
    this.#changed = changed;
  }

  get state(): State {
    return this.#state;
  }

  /** Connects; also at once, where it waits to, and anew, where it is connected. */
  connect(): void {
    this.#drop();
    this.#become({ is: "connecting" });
    this.#cancel = this.#world.after(OPENING_TIMEOUT_MS, () => this.#ended("lost", ""));
    let isOver = false;
    const unlessOver = (act: () => void) => {
      if (!isOver) act();
    };
    const link = this.#world.open({
      opened: () => unlessOver(() => this.#opened()),
      ended: (code, words) => unlessOver(() => this.#ended(CODES.get(code) ?? "lost", words)),
      asked: () => unlessOver(() => this.#ended("password", "")),
      oversized: () => unlessOver(() => this.#ended("too large", "")),
    });
    this.#link = {
      close() {
        isOver = true;
        link.close();
      },
    };
  }

  /** Connects now if it was about to. */
  hurry(): void {
    if (this.#state.is === "waiting" || this.#state.is === "barred") this.connect();
  }

  /** Gives up a WebSocket of which there is reason to think that it is dead. */
  suspect(): void {
    if (this.#state.is === "open" || this.#state.is === "connecting") this.#ended("lost", "");
  }

  #opened(): void {
    this.#cancel();
    this.#openedMs = this.#world.now();
    this.#become({ is: "open" });
  }

  #ended(reason: Reason, words: string): void {
    const openMs = this.#state.is === "open" ? this.#world.now() - this.#openedMs : undefined;
    this.#drop();
    this.#wait(reason, words, openMs);
    // The edge told why, or it is the desktop's own doing.
    if (reason !== "lost") return;
    const waiting = this.#state;
    void this.#world.look().then((found) => {
      if (!found || this.#state !== waiting) return;
      this.#drop();
      if (found === "not running") this.#wait(found, "", undefined);
      else this.#become({ is: "barred", bar: found });
    });
  }

  #wait(reason: Reason, words: string, openMs: number | undefined): void {
    const wait = this.#waits.next(reason, openMs, this.#world.random());
    const untilMs = this.#world.now() + wait;
    this.#cancel = this.#world.after(wait, () => this.connect());
    this.#become({ is: "waiting", reason, words, untilMs });
  }

  #drop(): void {
    this.#cancel();
    this.#cancel = () => {};
    const link = this.#link;
    this.#link = undefined;
    link?.close();
  }

  #become(state: State): void {
    this.#state = state;
    this.#changed(state);
  }
}
