/**
 * The connection of a page to one terminal, which outlives WebSockets.
 *
 * ```text
 *            first message                 broken                    time, or a person
 * connecting ─────────────▶ open ───────────────────▶ waiting ──────────────────────▶ connecting
 *     │                      │ exit                      │ the edge says that it's no use
 *     │ refused              ▼                           ▼
 *     └───────▶ refused    ended                       barred
 * ```
 *
 * While it rests, because more comes than can be drawn, there is no WebSocket. Where it was broken, what comes next is asked for by position, so that nothing is drawn twice.
 * None of this touches the page or a clock of its own: both are given.
 */

import {
  dataFrames, Misspoken, readFrame, readGreeting, sizeFrame,
  type Exit, type Frame, type Refusal, type Size, type Terminal,
} from "./protocol";

/** How long to wait before the first repetition, and at most. Each wait is twice the last. */
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 10_000;
/** How long a WebSocket may take to say which terminal it is. */
const GREETING_TIMEOUT_MS = 10_000;
/** After a connection that lasted for so long, the next is made at once. */
const GOOD_MS = 5_000;
/** What is typed while there is no connection is kept up to here; more is a mistake. */
const UNSENT_MAX_BYTES = 4 << 10;

/** Why it is no use to ask again. */
export type Bar = "signed out" | "forbidden" | "not running";

/** How a connection is. */
export type State =
  | { is: "connecting" }
  | { is: "open" }
  | { is: "resting" }
  | { is: "waiting"; untilMs: number }
  | { is: "barred"; bar: Bar }
  | { is: "refused"; refusal: Refusal }
  | { is: "ended"; exit: Exit }
  | { is: "closed" };

/** The part of a `WebSocket` that is used. */
export interface Socket {
  onmessage: ((event: { data: string | ArrayBuffer }) => void) | null;
  onclose: (() => void) | null;
  send(message: Uint8Array<ArrayBuffer>): void;
  close(): void;
}

/** The world outside. */
export interface World {
  /** Opens a WebSocket at a path. */
  open(path: string): Socket;
  /** Why WebSockets don't open, if that's known and final. */
  bar(): Promise<Bar | undefined>;
  now(): number;
  /** Calls back after a time, unless what it returns is called first. */
  after(ms: number, act: () => void): () => void;
  /** From 0 to 1. */
  random(): number;
}

/** Whom a connection tells. */
export interface Listener {
  /** Attached, for the first time or again. */
  attached(terminal: Terminal): void;
  frame(frame: Frame): void;
  changed(state: State): void;
}

export class Connection {
  /** The terminal's number, once it is known. */
  id: number | undefined;
  #state: State = { is: "closed" };
  #socket: Socket | undefined;
  #cancel = () => {};
  #failures = 0;
  /** When the terminal was attached. */
  #openedMs = 0;
  /** How far the output is known: nothing until it was drawn from some beginning. */
  #seen: number | undefined;
  #unsent: Uint8Array[] = [];
  #unsentBytes = 0;
  /** Who waits until it is no longer connecting. */
  #settling: (() => void)[] = [];

  readonly #world: World;
  readonly #listener: Listener;
  #size: Size;

  /** A connection to the terminal `id`, or to one that is made for it. */
  constructor(world: World, listener: Listener, size: Size, id?: number) {
    this.#world = world;
    this.#listener = listener;
    this.#size = size;
    this.id = id;
  }

  get state(): State {
    return this.#state;
  }

  /** The terminal's number, once an attempt to make it has come to its end; nothing if it failed. */
  async named(): Promise<number | undefined> {
    if (this.id === undefined && this.#state.is === "connecting") {
      await new Promise<void>((resolve) => this.#settling.push(resolve));
    }
    return this.id;
  }

  /** Connects; also at once, where it waits to. */
  connect(): void {
    this.#drop();
    this.#become({ is: "connecting" });
    const socket = this.#world.open(this.#path());
    this.#socket = socket;
    this.#cancel = this.#world.after(GREETING_TIMEOUT_MS, () => this.#broken());
    let greeted = false;
    socket.onclose = () => this.#broken();
    socket.onmessage = ({ data }) => {
      try {
        if (typeof data !== "string") this.#receive(readFrame(data));
        else if (!greeted) this.#greet(data);
        greeted = true;
      } catch (error) {
        if (!(error instanceof Misspoken)) throw error;
        this.#broken();
      }
    };
  }

  /** Connects now if it was about to. */
  hurry(): void {
    if (this.#state.is === "waiting" || this.#state.is === "barred") this.connect();
  }

  /** Gives up a WebSocket of which there is reason to think that it is dead. */
  suspect(): void {
    if (this.#state.is === "open" || this.#state.is === "connecting") this.#broken();
  }

  /** Takes no more until it is told to connect again: more comes than can be drawn. */
  rest(): void {
    this.#drop();
    this.#become({ is: "resting" });
  }

  /** Connects no more. */
  close(): void {
    this.#drop();
    this.#become({ is: "closed" });
  }

  /** Sends what was typed, or keeps a little of it until it can be sent. */
  type(bytes: Uint8Array): void {
    if (this.#state.is === "open") {
      for (const frame of dataFrames(bytes)) this.#socket?.send(frame);
    } else if (this.#unsentBytes + bytes.length <= UNSENT_MAX_BYTES) {
      this.#unsent.push(bytes);
      this.#unsentBytes += bytes.length;
    }
  }

  /** Tells the window's size. */
  resize(size: Size): void {
    if (size.columns === this.#size.columns && size.rows === this.#size.rows) return;
    this.#size = size;
    if (this.#state.is === "open") this.#socket?.send(sizeFrame(size));
  }

  #path(): string {
    const query = new URLSearchParams({
      columns: String(this.#size.columns),
      rows: String(this.#size.rows),
    });
    if (this.#seen !== undefined) query.set("seen", String(this.#seen));
    return `/api/terminals/${this.id ?? "new"}?${query}`;
  }

  #greet(text: string): void {
    const greeting = readGreeting(text);
    if ("refusal" in greeting) {
      this.#drop();
      this.#become({ is: "refused", refusal: greeting.refusal });
      return;
    }
    const { terminal } = greeting;
    this.#cancel();
    this.#openedMs = this.#world.now();
    this.id = terminal.id;
    // Without a reset in front of it, what follows begins here.
    this.#seen = terminal.position;
    this.#listener.attached(terminal);
    this.#become({ is: "open" });
    // The window may have changed while the greeting was under way.
    this.#socket?.send(sizeFrame(this.#size));
    const unsent = this.#unsent;
    this.#unsent = [];
    this.#unsentBytes = 0;
    for (const bytes of unsent) this.type(bytes);
  }

  #receive(frame: Frame | undefined): void {
    if (this.#state.is !== "open" || !frame) return;
    if (frame.kind === "data") this.#seen = (this.#seen ?? 0) + frame.bytes.length;
    if (frame.kind === "reset") this.#seen = frame.position;
    this.#listener.frame(frame);
    if (frame.kind === "exit") {
      this.#drop();
      this.#become({ is: "ended", exit: frame.exit });
    }
  }

  #broken(): void {
    const wasOpen = this.#state.is === "open";
    this.#drop();
    // A connection that was good is tried again at once: most often it is one of many that a
    // replaced edge or a change of networks has ended. One that breaks right after its greeting
    // would go on like that without a pause.
    const wasGood = wasOpen && this.#world.now() - this.#openedMs >= GOOD_MS;
    if (wasGood) this.#failures = 0;
    const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#failures);
    const wait = wasGood ? 0 : longest * (0.5 + this.#world.random() / 2);
    this.#failures += wasGood ? 0 : 1;
    this.#become({ is: "waiting", untilMs: this.#world.now() + wait });
    const waiting = this.#state;
    this.#cancel = this.#world.after(wait, () => this.connect());
    if (wasOpen) return;
    void this.#world.bar().then((bar) => {
      if (!bar || this.#state.is !== "waiting" || this.#state !== waiting) return;
      this.#drop();
      this.#become({ is: "barred", bar });
    });
  }

  #drop(): void {
    this.#cancel();
    this.#cancel = () => {};
    const socket = this.#socket;
    this.#socket = undefined;
    if (!socket) return;
    socket.onclose = null;
    socket.onmessage = null;
    socket.close();
  }

  #become(state: State): void {
    this.#state = state;
    this.#listener.changed(state);
    if (state.is !== "connecting") for (const settle of this.#settling.splice(0)) settle();
  }
}
