/** What is brought into the space as one thing: a file. */

import { bytes } from "../../shared/bytes";
import { shown } from "./name";
import { below, type Place } from "./place";
import { send } from "./send";
import type { Brought } from "./tree";

/** How far something is on its way. */
export interface Progress {
  sent(bytesSent: number, bytesAll: number, words: string): void;
}

export interface Cargo {
  /** As people see it. */
  readonly name: string;
  /** The directories that have something new then. */
  readonly places: Place[];
  /** Where its files go. */
  readonly targets: Place[];
  /** Brings what isn't there yet. Says what has been brought. */
  send(progress: Progress, signal: AbortSignal): Promise<string>;
}

export class OneFile implements Cargo {
  readonly name: string;
  readonly places: Place[];
  readonly targets: [Place];
  readonly #file: File;

  constructor(place: Place, { names, file }: Brought) {
    this.name = shown(names.at(-1) ?? "");
    this.places = [place];
    this.targets = [below(place, names)];
    this.#file = file;
  }

  async send(progress: Progress, signal: AbortSignal): Promise<string> {
    const { size } = this.#file;
    const sent = (count: number) => progress.sent(count, size, `${bytes(count)} of ${bytes(size)}`);
    const compares = () => progress.sent(0, size, "Comparing");
    sent(0);
    await send(this.targets[0], this.#file, { progress: sent, compares, signal });
    return bytes(size);
  }
}
