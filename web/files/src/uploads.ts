/** Files on their way into the space, one after the other, and how far they are. */

import { bytes } from "../../shared/bytes";
import { send } from "./agent";
import { find, make } from "./element";
import { Failure } from "./failure";
import { shown, spelled } from "./name";
import { inside, type Place } from "./place";

interface Upload {
  file: File;
  place: Place;
  row: Row;
}

export class Uploads {
  readonly #arrived: (place: Place) => void;
  readonly #waiting: Upload[] = [];
  readonly #section = find("#uploads");
  readonly #list = find("#uploads ul");
  #areUnderWay = false;

  /** `arrived` is told the directory that has something new. */
  constructor(arrived: (place: Place) => void) {
    this.#arrived = arrived;
    find("#dismiss").addEventListener("click", () => this.#dismiss());
  }

  get areUnderWay(): boolean {
    return this.#areUnderWay;
  }

  add(place: Place, files: readonly File[]): void {
    this.#section.hidden = false;
    for (const file of files) {
      const row = new Row(shown(spelled(file.name)), file.size);
      this.#list.append(row.element);
      this.#enqueue({ file, place, row });
    }
    this.#list.lastElementChild?.scrollIntoView({ block: "nearest" });
  }

  #enqueue(upload: Upload): void {
    this.#waiting.push(upload);
    upload.row.waits(() => {
      this.#waiting.splice(this.#waiting.indexOf(upload), 1);
      this.#failed(upload, new Failure("Cancelled."));
    });
    if (!this.#areUnderWay) void this.#sendAll();
  }

  async #sendAll(): Promise<void> {
    this.#areUnderWay = true;
    find("#dismiss").hidden = true;
    for (let upload = this.#waiting.shift(); upload; upload = this.#waiting.shift()) await this.#send(upload);
    this.#areUnderWay = false;
    find("#dismiss").hidden = false;
  }

  async #send(upload: Upload): Promise<void> {
    const { file, place, row } = upload;
    const sending = send(inside(place, spelled(file.name)), file, (sentBytes) => row.sent(sentBytes));
    row.begins(() => sending.cancel());
    try {
      await sending.done;
      row.arrived();
      find("#uploaded").textContent = `${row.name} is uploaded.`;
      this.#arrived(place);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.#failed(upload, error);
    }
  }

  #failed(upload: Upload, { message }: Failure): void {
    upload.row.failed(message, () => this.#enqueue(upload));
    find("#uploaded").textContent = `${upload.row.name} is not uploaded. ${message}`;
  }

  #dismiss(): void {
    this.#list.replaceChildren();
    this.#section.hidden = true;
  }
}

/** What is seen of an upload. */
class Row {
  readonly name: string;
  readonly #sizeBytes: number;
  readonly #bar = make("progress");
  readonly #words = make("span", { className: "words" });
  readonly #button = make("button", { type: "button" });
  readonly element: HTMLLIElement;
  #act = () => {};

  constructor(name: string, sizeBytes: number) {
    this.name = name;
    this.#sizeBytes = sizeBytes;
    this.#bar.ariaLabel = name;
    this.#button.addEventListener("click", () => this.#act());
    this.element = make("li", {}, make("bdi", {}, name), this.#bar, this.#words, this.#button);
  }

  waits(cancel: () => void): void {
    this.#is("waiting", "Waiting", "Cancel", cancel);
    this.#bar.removeAttribute("value");
  }

  begins(cancel: () => void): void {
    this.#is("sending", "", "Cancel", cancel);
    this.sent(0);
  }

  sent(bytesSent: number): void {
    // A request has nothing but the file in it; an empty one is sent at once.
    this.#bar.max = Math.max(this.#sizeBytes, 1);
    this.#bar.value = bytesSent;
    this.#words.textContent = `${bytes(bytesSent)} of ${bytes(this.#sizeBytes)}`;
  }

  arrived(): void {
    this.#is("arrived", `Uploaded, ${bytes(this.#sizeBytes)}`);
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
