/** The desktop as it is drawn and worked on, for as long as one WebSocket lasts. */

import type { Link, LinkListener } from "./connection";
import { keyOfEdit, keysOf, strokes, type Combination } from "./keys";
import { BoundedRfb } from "./rfb";

const PATH = "/api/desktop";
const LABEL = "Desktop. Every key goes to it; Alt+Shift+T leaves it.";

/** Whom a screen tells. */
export interface ScreenListener extends LinkListener {
  named(name: string): void;
  copied(text: string): void;
}

export class Screen implements Link {
  readonly #rfb: BoundedRfb;
  readonly #socket: WebSocket;
  readonly #host = document.createElement("div");

  /** Connects, and draws into `parent`. */
  constructor(parent: HTMLElement, listener: ScreenListener) {
    this.#host.className = "host";
    parent.append(this.#host);
    this.#socket = new WebSocket(`wss://${location.host}${PATH}`, ["binary"]);
    this.#rfb = new BoundedRfb(this.#host, this.#socket, { shared: true });
    // The desktop takes the window's size; where it doesn't, it is drawn smaller or larger.
    this.#rfb.resizeSession = true;
    this.#rfb.scaleViewport = true;
    this.#rfb.background = "transparent";
    const canvas = this.#canvas;
    if (canvas) {
      // noVNC leaves it out of the order of the Tab key.
      canvas.tabIndex = 0;
      canvas.setAttribute("role", "application");
      canvas.setAttribute("aria-label", LABEL);
    }
    this.#rfb.addEventListener("connect", () => listener.opened());
    this.#rfb.addEventListener("clipboard", ({ detail }) => listener.copied(detail.text));
    this.#rfb.addEventListener("desktopname", ({ detail }) => listener.named(detail.name));
    this.#rfb.addEventListener("credentialsrequired", () => listener.asked());
    this.#rfb.addEventListener("securityfailure", () => listener.asked());
    this.#rfb.addEventListener("oversize", () => listener.oversized());
    this.#socket.addEventListener("close", ({ code, reason }) => listener.ended(code, reason));
  }

  /** Whether keys go to it. */
  get hasFocus(): boolean {
    return document.activeElement === this.#canvas;
  }

  focus(): void {
    this.#rfb.focus({ preventScroll: true });
  }

  paste(text: string): void {
    this.#rfb.clipboardPasteFrom(text);
  }

  press(combination: Combination): void {
    for (const [keysym, code, isDown] of strokes(combination)) this.#rfb.sendKey(keysym, code, isDown);
  }

  /** Types what an on-screen keyboard gave, which knows no keys. */
  type(text: string): void {
    for (const keysym of keysOf(text)) this.#rfb.sendKey(keysym, null);
  }

  /** Does what an on-screen keyboard wants done; whether that is a key. */
  edit(inputType: string): boolean {
    const keysym = keyOfEdit(inputType);
    if (keysym !== undefined) this.#rfb.sendKey(keysym, null);
    return keysym !== undefined;
  }

  close(): void {
    this.#rfb.disconnect();
    this.#socket.close();
    this.#host.remove();
  }

  get #canvas(): HTMLCanvasElement | null {
    return this.#host.querySelector("canvas");
  }
}
