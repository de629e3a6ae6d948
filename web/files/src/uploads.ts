/** What is on its way into the space, one after the other, and how far it is. */

import type { Cargo } from "./cargo";
import { find } from "./element";
import { cancelled, Failure } from "./failure";
import { contentOf, type Place } from "./place";
import { Row } from "./row";

interface Upload {
  cargo: Cargo;
  row: Row;
}

export class Uploads {
  readonly #arrived: (places: Place[]) => void;
  readonly #waiting: Upload[] = [];
  readonly #section = find("#uploads");
  readonly #list = find("#uploads ul");
  #underWay: Upload | undefined;

  /** `arrived` is told the directories that have something new. */
  constructor(arrived: (places: Place[]) => void) {
    this.#arrived = arrived;
    find("#dismiss").addEventListener("click", () => this.#dismiss());
  }

  get areUnderWay(): boolean {
    return this.#underWay !== undefined;
  }

  /** Where the files go that haven't arrived yet, as the agent is asked for them. */
  get targets(): Set<string> {
    const all = this.#underWay ? [this.#underWay, ...this.#waiting] : this.#waiting;
    return new Set(all.flatMap(({ cargo }) => cargo.targets.map(contentOf)));
  }

  add(cargoes: readonly Cargo[]): void {
    this.#section.hidden = false;
    for (const cargo of cargoes) {
      const row = new Row(cargo.name);
      this.#list.append(row.element);
      this.#enqueue({ cargo, row });
    }
    this.#list.lastElementChild?.scrollIntoView({ block: "nearest" });
  }

  #enqueue(upload: Upload): void {
    this.#waiting.push(upload);
    upload.row.waits(() => {
      this.#waiting.splice(this.#waiting.indexOf(upload), 1);
      this.#failed(upload, cancelled());
    });
    if (!this.areUnderWay) void this.#sendAll();
  }

  async #sendAll(): Promise<void> {
    find("#dismiss").hidden = true;
    while ((this.#underWay = this.#waiting.shift())) await this.#send(this.#underWay);
    find("#dismiss").hidden = false;
  }

  async #send(upload: Upload): Promise<void> {
    const { cargo, row } = upload;
    const unwanted = new AbortController();
    row.begins(() => unwanted.abort());
    try {
      row.arrived(`Uploaded, ${await cargo.send(row, unwanted.signal)}`);
      find("#uploaded").textContent = `${row.name} is uploaded.`;
    } catch (error) {
      // What nobody has thought of is this one's alone, too: what waits goes on.
      if (!(error instanceof Failure)) reportError(error);
      const failure = error instanceof Failure ? error : new Failure("It failed.");
      this.#failed(upload, failure);
      // Nothing can be seen of the space now.
      if (failure.reach === "space" || failure.reach === "page") return;
    }
    // Some of it may be there also when not all is.
    this.#arrived(cargo.places);
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
