/** What is seen of an upload. */

import { make } from "./element";

export class Row {
  readonly name: string;
  readonly #bar = make("progress");
  readonly #words = make("span", { className: "words" });
  readonly #button = make("button", { type: "button" });
  readonly element: HTMLLIElement;
  #act = () => {};

  constructor(name: string) {
    this.name = name;
    this.#bar.ariaLabel = name;
    this.#button.addEventListener("click", ({ detail }) => {
      // The second click of two is meant for what the button was called at the first.
      if (detail < 2) this.#act();
    });
    this.element = make("li", {}, make("bdi", {}, name), this.#bar, this.#words, this.#button);
  }

  waits(cancel: () => void): void {
    this.#is("waiting", "Waiting", "Cancel", cancel);
    this.#bar.removeAttribute("value");
  }

  begins(cancel: () => void): void {
    this.#is("sending", "", "Cancel", cancel);
  }

  sent(bytesSent: number, bytesAll: number, words: string): void {
    // What is empty is sent at once.
    this.#bar.max = Math.max(bytesAll, 1);
    this.#bar.value = bytesSent;
    this.#words.textContent = words;
  }

  arrived(words: string): void {
    this.#is("arrived", words);
  }

  failed(words: string, again: () => void): void {
    this.#is("failed", words, "Try again", again);
  }

  #is(state: string, words: string, label = "", act = () => {}): void {
    this.element.dataset["state"] = state;
    this.#words.textContent = words;
    this.#bar.hidden = state !== "sending" && state !== "waiting";
    this.#button.hidden = label === "";
    this.#button.textContent = label;
    this.#button.ariaLabel = `${label} ${this.name}`;
    this.#act = act;
  }
}
