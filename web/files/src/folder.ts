/** A folder on its way into the space, with all that is in it. */

import { bytes } from "../../shared/bytes";
import { putDirectory } from "./agent";
import type { Cargo, Progress } from "./cargo";
import { counted } from "./counted";
import { Failure } from "./failure";
import { shown, shownWay } from "./name";
import { below, type Place } from "./place";
import { send } from "./send";
import { each } from "./together";
import { byDepth, type Brought, type Tree } from "./tree";

export class Folder implements Cargo {
  readonly name: string;
  readonly places: Place[];
  readonly #place: Place;
  readonly #tree: Tree;
  readonly #sizeBytes: number;
  readonly #arrived = new Set<Brought>();
  #arrivedBytes = 0;

  constructor(place: Place, tree: Tree) {
    this.name = shown(tree.name);
    this.places = [place, ...tree.folders.map((way) => below(place, way))];
    this.#place = place;
    this.#tree = tree;
    this.#sizeBytes = tree.files.reduce((sum, { file }) => sum + file.size, 0);
  }

  async send(progress: Progress, signal: AbortSignal): Promise<string> {
    const { files, folders } = this.#tree;
    const refused = new Map<Brought, Failure>();
    try {
      for (const level of byDepth(folders)) await each(level, (way) => this.#make(way, signal));
      await this.#sendFiles(progress, refused, signal);
    } catch (error) {
      if (!(error instanceof Failure) || files.length === 0) throw error;
      throw new Failure(`${error.message} Uploaded: ${this.#count}.`, error.reach);
    }
    const [first] = refused;
    if (first) {
      const [{ names }, { message }] = first;
      throw new Failure(`${shownWay(names)}: ${message} Uploaded: ${this.#count}.`);
    }
    return files.length > 0
      ? `${counted(files.length, "file")}, ${bytes(this.#sizeBytes)}`
      : counted(folders.length, "folder");
  }

  get targets(): Place[] {
    return this.#tree.files.map(({ names }) => below(this.#place, names));
  }

  get #count(): string {
    return `${this.#arrived.size} of ${counted(this.#tree.files.length, "file")}`;
  }

  async #make(way: string[], signal: AbortSignal): Promise<void> {
    try {
      await putDirectory(below(this.#place, way), signal);
    } catch (error) {
      if (!(error instanceof Failure) || error.reach !== "one") throw error;
      throw new Failure(`${shownWay(way)}: ${error.message}`);
    }
  }

  /** Sends what hasn't arrived yet. One that can't be brought doesn't keep the others here. */
  async #sendFiles(progress: Progress, refused: Map<Brought, Failure>, signal: AbortSignal): Promise<void> {
    const underWay = new Map<Brought, number>();
    const tell = () => {
      const sentBytes = [...underWay.values()].reduce((sum, count) => sum + count, this.#arrivedBytes);
      const words = `${this.#count}, ${bytes(sentBytes)} of ${bytes(this.#sizeBytes)}`;
      progress.sent(sentBytes, this.#sizeBytes, words);
    };
    tell();
    const left = this.#tree.files.filter((it) => !this.#arrived.has(it));
    await each(left, async (it) => {
      const sent = (count: number) => {
        underWay.set(it, count);
        tell();
      };
      try {
        await send(below(this.#place, it.names), it.file, { progress: sent, compares: () => {}, signal });
        this.#arrived.add(it);
        this.#arrivedBytes += it.file.size;
      } catch (error) {
        if (!(error instanceof Failure) || error.reach !== "one") throw error;
        refused.set(it, error);
      } finally {
        underWay.delete(it);
      }
      tell();
    });
  }
}
