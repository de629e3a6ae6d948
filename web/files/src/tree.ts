/** Folders that somebody brings, and all that is in them. */

import { cancelled, Failure } from "./failure";
import { complaint, shown, shownWay, spelled } from "./name";

/** More files and folders aren't brought at once. */
export const ENTRIES_MAX = 10_000;

/** A file, and the way to it from where all goes, as URLs spell its names. */
export interface Brought {
  names: string[];
  file: File;
}

export interface Tree {
  /** As URLs spell it. */
  name: string;
  /** The ways to itself and every folder in it, those above before those in them. */
  folders: string[][];
  files: Brought[];
}

/** Reads folders that were dropped. */
export async function dropped(folders: readonly FileSystemDirectoryEntry[], signal: AbortSignal): Promise<Tree[]> {
  const count = new Count();
  const trees: Tree[] = [];
  for (const folder of folders) trees.push(await treeOf(folder, count, signal));
  return trees;
}

async function treeOf(root: FileSystemDirectoryEntry, count: Count, signal: AbortSignal): Promise<Tree> {
  const name = nameOf(root.name);
  const tree: Tree = { name, folders: [], files: [] };
  const found = [{ names: [name], folder: root }];
  count.more();
  for (const { names, folder } of found) {
    tree.folders.push(names);
    try {
      for await (const entry of entriesOf(folder)) {
        if (signal.aborted) throw cancelled();
        count.more();
        const way = [...names, nameOf(entry.name)];
        if (isFolder(entry)) found.push({ names: way, folder: entry });
        else tree.files.push({ names: way, file: await fileOf(entry as FileSystemFileEntry) });
      }
    } catch (error) {
      if (error instanceof Failure) throw error;
      throw new Failure(`${shownWay(names)} can’t be read. Nothing is uploaded.`);
    }
  }
  return tree;
}

/** Reads folders from the files in them that were chosen. Browsers don't tell of empty ones. */
export function chosen(files: readonly File[]): Tree[] {
  if (files.length === 0) throw new Failure("No file is in this folder. Make an empty one by New folder.");
  const count = new Count();
  const trees = new Map<string, Tree & { known: Set<string> }>();
  for (const file of files) {
    const names = file.webkitRelativePath.split("/").map(nameOf);
    const [name = ""] = names;
    const tree = trees.get(name) ?? { name, folders: [], files: [], known: new Set() };
    trees.set(name, tree);
    for (let length = 1; length < names.length; length += 1) {
      const folder = names.slice(0, length);
      if (tree.known.has(folder.join("/"))) continue;
      count.more();
      tree.known.add(folder.join("/"));
      tree.folders.push(folder);
    }
    count.more();
    tree.files.push({ names, file });
  }
  return [...trees.values()].map(({ name, folders, files }) => ({ name, folders, files }));
}

/** Folders by how far down they are: those of one depth need only those before them. */
export function byDepth(folders: readonly string[][]): string[][][] {
  const levels: string[][][] = [];
  for (const folder of folders) (levels[folder.length - 1] ??= []).push(folder);
  return levels;
}

class Count {
  #left = ENTRIES_MAX;

  more(): void {
    this.#left -= 1;
    if (this.#left >= 0) return;
    const most = ENTRIES_MAX.toLocaleString("en");
    throw new Failure(
      `These are more than ${most} files and folders, which are too many at once. ` +
        "Nothing is uploaded. Bring fewer, or use the command line: spaceport cp -r.",
    );
  }
}

/** No name from a file system leads elsewhere, but a URL would. */
function nameOf(text: string): string {
  // Browsers leave out what is no text to them, or say that it is none.
  if (text === "") throw new Failure("The name of something in it can’t be read. Nothing is uploaded.");
  const bad = complaint(text);
  if (bad !== undefined) throw new Failure(`“${shown(spelled(text))}” can’t be uploaded. ${bad}`);
  return spelled(text);
}

const isFolder = (entry: FileSystemEntry): entry is FileSystemDirectoryEntry => entry.isDirectory;

/** What is in a folder. Browsers hand it over in parts, behind which comes an empty one. */
async function* entriesOf(folder: FileSystemDirectoryEntry): AsyncGenerator<FileSystemEntry> {
  const reader = folder.createReader();
  for (;;) {
    const part = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (part.length === 0) return;
    yield* part;
  }
}

function fileOf(entry: FileSystemFileEntry): Promise<File> {
  return new Promise((resolve, reject) => entry.file(resolve, reject));
}
