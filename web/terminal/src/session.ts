/** A terminal as one tab shows it: its connection, its screen, and what is said about them. */

import { Answers } from "./answers";
import { Connection, type State, type World } from "./connection";
import { Notice } from "./notice";
import { Painter } from "./painter";
import { exitWords, type Frame, type Terminal } from "./protocol";
import { Screen } from "./screen";

/** When more than this is waiting to be drawn, no more is taken until all of it is. */
const BACKLOG_MAX_BYTES = 8 << 20;

/** Whom a session tells. */
export interface SessionListener {
  /** Its number is known. */
  named(session: Session): void;
  /** Its title or its state is another one. */
  changed(session: Session): void;
  /** A key that is for the page; whether it was. */
  key(event: KeyboardEvent): boolean;
}

export class Session {
  readonly pane: HTMLElement;
  readonly screen: Screen;
  readonly connection: Connection;
  title = "";

  readonly #answers: Answers;
  readonly #painter: Painter;
  readonly #notice: Notice;
  readonly #listener: SessionListener;
  /** Bytes of the past that are yet to come. */
  #historyBytes = 0;
  #end = 0;

  /** Attaches to the terminal `id`, or to a new one, within `pane`, which is seen. */
  constructor(world: World, listener: SessionListener, pane: HTMLElement, id?: number) {
    this.pane = pane;
    this.#listener = listener;
    this.#answers = new Answers(world.now);
    const host = document.createElement("div");
    host.className = "host";
    this.#notice = new Notice(() => this.connection.hurry());
    pane.append(host, this.#notice.element);
    this.screen = new Screen(host, this.#answers, (text) => this.#copy(text));
    const { xterm } = this.screen;
    // What is drawn is nowhere else in the page; a browser's console and tests look at it here.
    Object.assign(host, { xterm });
    this.#painter = new Painter(xterm);
    this.screen.accelerate(true);
    this.connection = new Connection(
      world,
      {
        attached: (terminal) => this.#attached(terminal),
        frame: (frame) => this.#take(frame),
        changed: (state) => this.#changed(state),
      },
      this.screen.windowSize,
      id,
    );
    const encoder = new TextEncoder();
    xterm.onData((text) => {
      if (this.#answers.lets(text)) this.connection.type(encoder.encode(text));
    });
    // Bytes that are no text: old kinds of mouse reports.
    xterm.onBinary((text) => this.connection.type(Uint8Array.from(text, (it) => it.charCodeAt(0))));
    xterm.onTitleChange((title) => this.#rename(title));
    xterm.attachCustomKeyEventHandler((event) => this.#key(event));
    host.addEventListener("beforeinput", () => this.#typed());
    host.addEventListener("paste", () => this.#typed(), true);
    this.connection.connect();
  }

  /** What its tab says. */
  get label(): string {
    return this.title || `Terminal ${this.connection.id ?? ""}`.trim();
  }

  /** Its place in the page was shown, hidden, or has another size. */
  placed(seen: boolean): void {
    this.screen.accelerate(seen);
    if (!seen) return;
    this.connection.resize(this.screen.windowSize);
    // What has no size that was agreed on isn't smaller than it could be.
    if (this.connection.state.is === "open") this.screen.frame();
  }

  focus(): void {
    this.screen.xterm.focus();
  }

  /** Ends what this page has of it, not the terminal itself. */
  close(): void {
    this.connection.close();
    this.screen.dispose();
    this.pane.remove();
  }

  #attached(terminal: Terminal): void {
    this.#end = terminal.end;
    this.#historyBytes = terminal.end - terminal.position;
    const isHistory = this.#historyBytes > 0;
    this.#painter.then(() => (this.#answers.isHistory = isHistory));
    if (terminal.title) this.#rename(terminal.title);
    this.#listener.named(this);
  }

  #take(frame: Frame): void {
    switch (frame.kind) {
      case "data":
        this.#data(frame.bytes);
        break;
      case "screen":
        this.#painter.draw(frame.bytes);
        break;
      case "reset":
        this.#historyBytes = this.#end - frame.position;
        this.#painter.then(() => {
          this.screen.xterm.reset();
          this.#answers.isHistory = true;
        });
        break;
      case "size":
        this.#painter.then(() => this.screen.resize(frame.size));
        break;
      case "exit":
        break;
    }
    if (this.#painter.backlogBytes > BACKLOG_MAX_BYTES && this.connection.state.is === "open") {
      this.connection.rest();
      this.#painter.whenIdle(() => {
        if (this.connection.state.is === "resting") this.connection.connect();
      });
    }
  }

  /** Draws output, of which the first part may be of the past. */
  #data(bytes: Uint8Array): void {
    const past = Math.min(Math.max(this.#historyBytes, 0), bytes.length);
    this.#historyBytes -= past;
    this.#painter.draw(bytes.subarray(0, past));
    if (past === bytes.length) return;
    if (this.#historyBytes <= 0) this.#painter.then(() => (this.#answers.isHistory = false));
    this.#painter.draw(bytes.subarray(past));
  }

  #changed(state: State): void {
    switch (state.is) {
      case "waiting":
        this.#notice.lost(state.untilMs);
        break;
      case "connecting":
        this.#notice.trying();
        break;
      case "barred":
        this.#notice.barred(state.bar);
        break;
      case "refused":
        this.#notice.refused(state.refusal);
        break;
      case "ended":
        this.#notice.ended(exitWords(state.exit));
        break;
      default:
        this.#notice.clear();
    }
    this.#listener.changed(this);
  }

  #rename(title: string): void {
    this.title = title;
    this.#listener.changed(this);
  }

  /** Copies, as far as the browser allows it. */
  async #copy(text: string): Promise<void> {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      this.#notice.uncopied(() => this.focus());
    }
  }

  #typed(): void {
    this.#answers.typedAtMs = Date.now();
  }

  /** Whether xterm.js is to see a key. */
  #key(event: KeyboardEvent): boolean {
    if (this.#listener.key(event)) return false;
    if (event.type === "keydown") this.#typed();
    if (!event.ctrlKey || !event.shiftKey || event.altKey || event.metaKey) return true;
    if (event.code === "KeyC") {
      const selected = this.screen.xterm.getSelection();
      if (event.type === "keydown" && selected) void this.#copy(selected);
      // Some browsers open their tools by it.
      event.preventDefault();
      return false;
    }
    // The browser pastes, and xterm.js hears of that.
    return event.code !== "KeyV";
  }
}
