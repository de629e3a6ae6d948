/**
 * The clipboard of the desktop and that of the browser, kept the same as far as the browser allows.
 *
 * Each side is told what it doesn't have yet, so that nothing goes round in circles.
 */

/** The longest text that is passed on: more is a mistake, and would stall what is drawn. */
const TEXT_MAX_LENGTH = 1 << 20;

/** The browser's side. */
export interface BrowserClipboard {
  /** Whether reading asks nobody. */
  mayRead(): Promise<boolean>;
  read(): Promise<string>;
  write(text: string): Promise<void>;
}

/** Whom it tells. */
export interface ClipboardListener {
  /** The desktop is to have this. */
  toDesktop(text: string): void;
  /** The desktop's clipboard is this now. */
  changed(text: string): void;
}

export class Clipboard {
  /** What the desktop has. */
  #text = "";
  /** What the browser couldn't be told yet. */
  #unwritten: string | undefined;

  readonly #browser: BrowserClipboard;
  readonly #listener: ClipboardListener;

  constructor(browser: BrowserClipboard, listener: ClipboardListener) {
    this.#browser = browser;
    this.#listener = listener;
  }

  get text(): string {
    return this.#text;
  }

  /** Something was copied on the desktop. */
  async copied(text: string): Promise<void> {
    if (text === this.#text || text.length > TEXT_MAX_LENGTH) return;
    this.#text = text;
    this.#listener.changed(text);
    this.#unwritten = text;
    await this.flush();
  }

  /** Somebody wrote it for the desktop by hand. */
  wrote(text: string): void {
    if (text === this.#text || text.length > TEXT_MAX_LENGTH) return;
    this.#text = text;
    this.#unwritten = undefined;
    this.#listener.toDesktop(text);
  }

  /** Tells the browser what it couldn't be told before: it allows that after a click alone. */
  async flush(): Promise<void> {
    const text = this.#unwritten;
    if (text === undefined) return;
    try {
      await this.#browser.write(text);
      if (this.#unwritten === text) this.#unwritten = undefined;
    } catch {
      // It may allow that later; the panel has the text.
    }
  }

  /** Takes what the browser has, where that asks nobody. */
  async follow(): Promise<void> {
    await this.flush();
    // What was copied on the desktop last is newer than what the browser has.
    if (this.#unwritten !== undefined) return;
    if (await this.#browser.mayRead().catch(() => false)) await this.share();
  }

  /** Takes what the browser has, for which it may ask somebody; whether it let us. */
  async share(): Promise<boolean> {
    const before = this.#text;
    try {
      const text = await this.#browser.read();
      // What came from the desktop meanwhile is newer.
      const isNew = this.#text === before;
      if (isNew && text && text !== this.#text && text.length <= TEXT_MAX_LENGTH) {
        this.wrote(text);
        this.#listener.changed(text);
      }
      return true;
    } catch {
      return false;
    }
  }

  /** A desktop that has just been connected to has nothing of this. */
  renew(): void {
    if (this.#text) this.#listener.toDesktop(this.#text);
  }
}
