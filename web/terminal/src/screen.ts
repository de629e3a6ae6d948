/** An xterm.js terminal in the page, set up as every terminal here is. */

import { ClipboardAddon } from "@xterm/addon-clipboard";
import { FitAddon } from "@xterm/addon-fit";
import { Unicode11Addon } from "@xterm/addon-unicode11";
import { WebLinksAddon } from "@xterm/addon-web-links";
import { WebglAddon } from "@xterm/addon-webgl";
import { Terminal } from "@xterm/xterm";

import type { Answers } from "./answers";
import type { Size } from "./protocol";
import { onTheme, theme } from "./theme";

/** As many lines as an agent draws anew. */
const SCROLLBACK_LINES = 10_000;
/** The size before anything is known of the window. */
const FIRST_SIZE: Size = { columns: 80, rows: 24 };

export class Screen {
  readonly xterm: Terminal;
  readonly #fit = new FitAddon();
  readonly #host: HTMLElement;
  readonly #forgetTheme: () => void;
  #webgl: WebglAddon | undefined;

  /** A terminal within `host`, for whose programs `answers` says what they are told and `copy` copies. */
  constructor(host: HTMLElement, answers: Answers, copy: (text: string) => Promise<void>) {
    this.#host = host;
    this.xterm = new Terminal({
      allowProposedApi: true,
      cursorBlink: true,
      fontFamily: "ui-monospace, 'DejaVu Sans Mono', 'Liberation Mono', Menlo, Consolas, monospace",
      fontSize: 14,
      linkHandler: { activate: (_, url) => follow(url) },
      macOptionIsMeta: true,
      minimumContrastRatio: 4.5,
      scrollback: SCROLLBACK_LINES,
      theme: theme(),
    });
    const { xterm } = this;
    xterm.loadAddon(this.#fit);
    xterm.loadAddon(new Unicode11Addon());
    xterm.unicode.activeVersion = "11";
    xterm.loadAddon(new WebLinksAddon((_, url) => follow(url)));
    xterm.loadAddon(new ClipboardAddon(undefined, {
      // Programs may set the clipboard, as long as it's this page in which somebody works.
      writeText: async (_, text) => {
        if (answers.areGiven) await copy(text);
      },
      // What somebody copied elsewhere is no program's business.
      readText: async () => "",
    }));
    answers.govern(xterm);
    xterm.open(host);
    this.#forgetTheme = onTheme(() => (xterm.options.theme = theme()));
  }

  /** Is of no use any more. */
  dispose(): void {
    this.#forgetTheme();
    this.xterm.dispose();
  }

  /** The size that would fill the window. */
  get windowSize(): Size {
    const fit = this.#fit.proposeDimensions();
    return fit ? { columns: fit.cols, rows: fit.rows } : FIRST_SIZE;
  }

  /** Has a size from here on. It may be smaller than the window, never larger for long. */
  resize({ columns, rows }: Size): void {
    if (columns > 0 && rows > 0) this.xterm.resize(columns, rows);
    this.frame();
  }

  /** Shows where the terminal ends, if the window is larger. */
  frame(): void {
    const { columns, rows } = this.windowSize;
    const isSmaller = this.xterm.cols < columns || this.xterm.rows < rows;
    this.#host.classList.toggle("letterboxed", isSmaller);
    this.#host.dataset.size = `${this.xterm.cols}×${this.xterm.rows}, as in the smallest window`;
  }

  /**
   * Draws by the graphics card while it is seen, where there is one: browsers allow for few. The
   * window has another size then, as characters are drawn at whole pixels.
   */
  accelerate(seen: boolean): void {
    if (seen === (this.#webgl !== undefined)) return;
    if (!seen) return this.#slow();
    if (!hasGraphicsCard()) return;
    const webgl = new WebglAddon();
    webgl.onContextLoss(() => this.#slow());
    this.xterm.loadAddon(webgl);
    this.#webgl = webgl;
  }

  #slow(): void {
    this.#webgl?.dispose();
    this.#webgl = undefined;
  }
}

/** Whether it is worth it: without one, elements of the page are drawn faster. */
function hasGraphicsCard(): boolean {
  const context = document.createElement("canvas").getContext("webgl2", {
    failIfMajorPerformanceCaveat: true,
  });
  context?.getExtension("WEBGL_lose_context")?.loseContext();
  return context !== null;
}

/** Opens an address, which gets to know nothing of this page. */
function follow(url: string): void {
  if (/^https?:/i.test(url)) window.open(url, "_blank", "noopener,noreferrer");
}
