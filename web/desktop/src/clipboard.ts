/**
 * The clipboard of the desktop and that of the browser.
 *
 * Whoever has the space has its desktop, so neither side is given what nobody meant for it: what is
 * copied on the desktop goes to the browser as the doing of who has just pressed a key or a button
 * there, and what is copied elsewhere goes to the desktop while it is shared.
 */

/** The longest text that is passed on: more is a mistake, and would stall what is drawn. */
export const TEXT_MAX_LENGTH = 1 << 20;
/** For so long what is copied counts as somebody's doing; as long as browsers let a page act in their name. */
const ACT_LASTS_MS = 5_000;

/** The browser's side. */
export interface BrowserClipboard {
  /** Whether reading asks nobody. */
  mayRead(): Promise<boolean>;
  read(): Promise<string>;
  write(text: string): Promise<void>;
  now(): number;
}

/** Whom it tells. */
export interface ClipboardListener {
  /** The desktop is to have this. */
  toDesktop(text: string): void;
  /** The desktop's clipboard is this now. */
  changed(text: string): void;
}

export class Clipboard {
  /** What the desktop has, and from where. */
  #text = "";
  #from: "desktop" | "hand" | "browser" = "desktop";
  /** What the browser had when it was last looked at: only something else is news. */
  #browserHad: string | undefined;
  #isShared = false;
  #actedMs = -Infinity;
  /** Whether the browser was told of what the desktop has since somebody acted. */
  #isTold = false;

  readonly #browser: BrowserClipboard;
  readonly #listener: ClipboardListener;

  constructor(browser: BrowserClipboard, listener: ClipboardListener) {
    this.#browser = browser;
    this.#listener = listener;
  }

  get text(): string {
    return this.#text;
  }

  /** Whether the desktop gets what the browser has. */
  get isShared(): boolean {
    return this.#isShared;
  }

  /** Somebody pressed a key or a button on the desktop. */
  acted(): void {
    this.#actedMs = this.#browser.now();
    this.#isTold = false;
    // They may be about to paste on a desktop that was given nothing yet.
    if (this.#browserHad === undefined) void this.follow();
  }

  /** Something was copied on the desktop. The browser is told now or never: later it may have something newer. */
  async copied(text: string): Promise<void> {
    // A desktop may say again what it was given, or what it said: each selection of X is one.
    const isSaidAgain = text === this.#text && (this.#from !== "desktop" || this.#isTold);
    if (isSaidAgain || text.length > TEXT_MAX_LENGTH) return;
    this.#become(text, "desktop");
    if (this.#browser.now() - this.#actedMs > ACT_LASTS_MS) return;
    this.#isTold = true;
    try {
      await this.#browser.write(text);
      this.#browserHad = text;
    } catch {
      // The panel has it.
    }
  }

  /** Somebody wrote it for the desktop by hand. */
  wrote(text: string): void {
    if (text === this.#text || text.length > TEXT_MAX_LENGTH) return;
    this.#text = text;
    this.#from = "hand";
    this.#listener.toDesktop(text);
  }

  /** Shares what the browser has from now on, for which it may ask somebody; whether it let us. */
  async share(): Promise<boolean> {
    this.#isShared = true;
    const isAllowed = await this.#take();
    this.#isShared &&= isAllowed;
    return isAllowed;
  }

  /** Goes on with it, where it was shared before, once there is news. */
  shareOn(): void {
    this.#isShared = true;
  }

  /** Shares nothing any more. What the desktop has it keeps. */
  keep(): void {
    this.#isShared = false;
    this.#browserHad = undefined;
  }

  /** Takes what the browser has, where that is shared and asks nobody. */
  async follow(): Promise<void> {
    if (this.#isShared && (await this.#browser.mayRead().catch(() => false))) await this.#take();
  }

  /**
   * A desktop that has just been connected to has nothing of this. It may be another one than before:
   * what the browser had is given to it when somebody comes to work there.
   */
  renew(): void {
    if (this.#from === "browser") {
      this.#browserHad = undefined;
      this.#become("", "desktop");
    } else if (this.#text) {
      this.#listener.toDesktop(this.#text);
    }
  }

  /** Whether the browser could be read. */
  async #take(): Promise<boolean> {
    const before = this.#text;
    let text: string;
    try {
      text = await this.#browser.read();
    } catch {
      return false;
    }
    // What came from the desktop meanwhile is newer.
    if (!this.#isShared || this.#text !== before || text === this.#browserHad) return true;
    this.#browserHad = text;
    if (text && text !== this.#text && text.length <= TEXT_MAX_LENGTH) {
      this.#become(text, "browser");
      this.#listener.toDesktop(text);
    }
    return true;
  }

  #become(text: string, from: "desktop" | "browser"): void {
    const isNew = text !== this.#text;
    this.#text = text;
    this.#from = from;
    if (isNew) this.#listener.changed(text);
  }
}
