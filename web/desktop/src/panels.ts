/** Panels below the buttons that open them, one at a time (ARIA Authoring Practices, Disclosure). */

export class Panels {
  readonly #buttons: HTMLElement[];
  readonly #closed: () => void;

  /** `closed` is called when somebody closes one by the keyboard, and looks for where to go on. */
  constructor(buttons: Record<string, HTMLElement>, closed: () => void) {
    this.#buttons = Object.values(buttons);
    this.#closed = closed;
    for (const button of this.#buttons) {
      button.addEventListener("click", () => this.#show(this.#isOpen(button) ? undefined : button));
      panelOf(button).addEventListener("keydown", (event) => {
        if (event.key !== "Escape") return;
        event.preventDefault();
        this.close();
        this.#closed();
      });
    }
  }

  close(): void {
    this.#show(undefined);
  }

  #isOpen(button: HTMLElement): boolean {
    return button.getAttribute("aria-expanded") === "true";
  }

  #show(shown: HTMLElement | undefined): void {
    for (const button of this.#buttons) {
      button.setAttribute("aria-expanded", String(button === shown));
      panelOf(button).hidden = button !== shown;
    }
    if (shown) panelOf(shown).querySelector<HTMLElement>("textarea, button:not([hidden])")?.focus();
  }
}

function panelOf(button: HTMLElement): HTMLElement {
  const id = button.getAttribute("aria-controls") ?? "";
  return document.getElementById(id) as HTMLElement;
}
