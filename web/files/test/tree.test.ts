import { expect, test } from "vitest";

import { byDepth, chosen, dropped, ENTRIES_MAX } from "../src/tree";

const content = new File(["x"], "x");
const file = (path: string) => ({ webkitRelativePath: path }) as File;
const { signal } = new AbortController();

/** A folder as a browser hands it over: in parts. */
function folder(name: string, inside: FileSystemEntry[]): FileSystemDirectoryEntry {
  const createReader = () => {
    const left = [...inside];
    return { readEntries: (found: (entries: FileSystemEntry[]) => void) => found(left.splice(0, Math.ceil(left.length / 2))) };
  };
  return { name, isDirectory: true, createReader } as FileSystemDirectoryEntry;
}

const leaf = (name: string) =>
  ({ name, isDirectory: false, file: (found: (file: File) => void) => found(content) }) as FileSystemFileEntry;

test("all of a dropped folder is found, empty folders and what comes in later parts included", async () => {
  const root = folder("a b", [leaf("1"), folder("empty", []), leaf("2"), folder("ü", [leaf("<i>")]), leaf("3")]);
  const [tree] = await dropped([root], signal);
  expect(tree?.folders).toEqual([["a%20b"], ["a%20b", "empty"], ["a%20b", "%C3%BC"]]);
  expect(tree?.files.map(({ names }) => names.join("/"))).toEqual([
    "a%20b/1", "a%20b/2", "a%20b/3", "a%20b/%C3%BC/%3Ci%3E",
  ]);
});

test("the folders of chosen files are known by those, each once", () => {
  const trees = chosen(["top/a/b/1", "top/2", "top/a/b/3", "other/4"].map(file));
  expect(trees.map(({ name, folders, files }) => [name, folders.map((it) => it.join("/")), files.length])).toEqual([
    ["top", ["top", "top/a", "top/a/b"], 3],
    ["other", ["other"], 1],
  ]);
});

test("of a chosen folder without files there is nothing to be known", () => {
  expect(() => chosen([])).toThrow("No file is in this folder.");
});

test("too much is nothing, by whatever way it comes", async () => {
  const many = Array.from({ length: ENTRIES_MAX }, (_, at) => `${at}`);
  expect(chosen(many.slice(1).map((name) => file(`top/${name}`)))).toHaveLength(1);
  expect(() => chosen(many.map((name) => file(`top/${name}`)))).toThrow("more than 10,000");
  await expect(dropped([folder("top", many.map(leaf))], signal)).rejects.toThrow("more than 10,000");
});

test("no name leads out of its folder", async () => {
  for (const name of ["..", ".", "a/b"]) {
    await expect(dropped([folder("top", [leaf(name)])], signal), name).rejects.toThrow("can’t be uploaded");
  }
  expect(() => chosen([file("top/../1")])).toThrow("can’t be uploaded");
  await expect(dropped([folder("top", [leaf("")])], signal)).rejects.toThrow("can’t be read");
});

test("what can't be read is named, and who doesn't wait any more is heard", async () => {
  const broken = { ...leaf("1"), file: (_: unknown, failed: (error: unknown) => void) => failed(new DOMException()) };
  const root = folder("top", [folder("secret", [broken as FileSystemFileEntry])]);
  await expect(dropped([root], signal)).rejects.toThrow("top/secret can’t be read.");
  await expect(dropped([root], AbortSignal.abort())).rejects.toThrow("Cancelled.");
});

test("folders of one depth are together, those above first", () => {
  expect(byDepth([["a"], ["a", "b"], ["a", "b", "c"], ["d"], ["d", "e"]])).toEqual([
    [["a"], ["d"]], [["a", "b"], ["d", "e"]], [["a", "b", "c"]],
  ]);
});
