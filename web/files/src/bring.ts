/** Takes what somebody brings, after asking about what is there already. */

import { OneFile, type Cargo } from "./cargo";
import { isSure, meanwhile, say, whether } from "./dialogs";
import { Failure } from "./failure";
import { Folder } from "./folder";
import { shownWay, spelled } from "./name";
import type { Place } from "./place";
import { takenOf, type Taken } from "./taken";
import type { Brought, Tree } from "./tree";

/** What is to be uploaded to a directory, as somebody has decided. `coming` is where files go that are on their way. */
export async function bring(
  to: Place,
  coming: ReadonlySet<string>,
  files: readonly File[],
  readFolders: (signal: AbortSignal) => Promise<Tree[]> = async () => [],
): Promise<Cargo[]> {
  const loose = files.map((file) => ({ names: [spelled(file.name)], file }));
  try {
    const seen = await meanwhile("Looking at what is to be uploaded …", async (signal) => {
      const trees = await readFolders(signal);
      const all = [...loose, ...trees.flatMap((tree) => tree.files)];
      refuseTwins(all);
      const folders = trees.flatMap((tree) => tree.folders);
      return { trees, all, taken: await takenOf(to, { files: all, folders }, coming, signal) };
    });
    const unwanted = seen && (await unwantedOf(seen.taken, seen.all.length));
    if (!unwanted) return [];
    const isWanted = (it: Brought) => !unwanted.has(it);
    return [
      ...loose.filter(isWanted).map((it) => new OneFile(to, it)),
      ...seen.trees.map((tree) => new Folder(to, { ...tree, files: tree.files.filter(isWanted) })),
    ];
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    await say(error.message);
    return [];
  }
}

/** What is from several folders can have one name, and one would replace the other. */
function refuseTwins(all: readonly Brought[]): void {
  const ways = new Set<string>();
  for (const { names } of all) {
    const way = names.join("/");
    if (ways.has(way)) throw new Failure(`Two of these files are called ${shownWay(names)}. Nothing is uploaded.`);
    ways.add(way);
  }
}

/** Asks once what becomes of all that is there already. Nothing is decided if nothing is to be uploaded. */
async function unwantedOf({ files, areComing, mayBeMore }: Taken, count: number): Promise<Set<Brought> | undefined> {
  if (mayBeMore) {
    const words = "Not all that is there already is known. What has the same name is replaced.";
    return (await isSure(words, "Upload")) ? new Set() : undefined;
  }
  const [first] = files;
  if (!first) return new Set();
  const words = files.length > 1
    ? `${files.length} files are there already${areComing ? ", or on the way" : ""}. Replace them?`
    : `${shownWay(first.names)} is ${areComing ? "on the way" : "there"} already. Replace it?`;
  switch (await whether(words, "Replace", files.length < count ? "Skip" : "")) {
    case "yes":
      return new Set();
    case "other":
      return new Set(files);
    case "no":
      return undefined;
  }
}
