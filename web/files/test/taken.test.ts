import { afterEach, expect, test, vi } from "vitest";

import type { Entry } from "../src/entry";
import { HOME } from "../src/place";
import { takenOf } from "../src/taken";

const { signal } = new AbortController();
const files = (...paths: string[]) => paths.map((it) => ({ names: it.split("/"), file: new File([], it) }));

/** A space in which these directories can be listed. */
function space(directories: Record<string, [string, Entry["kind"]][]>): string[] {
  const asked: string[] = [];
  vi.stubGlobal("fetch", async (path: string) => {
    asked.push(path);
    const found = directories[path];
    if (!found) return new Response('{"code":"FORBIDDEN","message":"no"}', { status: 403 });
    const lines = found.map(([name, kind]) => JSON.stringify({ name, kind, size: 1, mtime: "1.0" }));
    return new Response(lines.join("\n"), { headers: { "spaceport-kind": "directory" } });
  });
  return asked;
}

afterEach(() => vi.unstubAllGlobals());

test("only folders that are there are looked into", async () => {
  const asked = space({
    "/home/": [["a", "directory"], ["0", "file"], ["z", "file"]],
    "/home/a": [["b", "directory"], ["1", "file"]],
    "/home/a/b": [["2", "file"]],
  });
  const brought = {
    files: files("0", "a/1", "a/2", "a/b/2", "a/new/2", "z/1"),
    folders: [["a"], ["a", "b"], ["a", "new"], ["z"]],
  };
  const taken = await takenOf(HOME, brought, new Set(), signal);
  expect(taken.files.map(({ names }) => names.join("/"))).toEqual(["0", "a/1", "a/b/2"]);
  expect([taken.areComing, taken.mayBeMore]).toEqual([false, false]);
  expect(asked).toEqual(["/home/", "/home/a", "/home/a/b"]);
});

test("what can't be seen is no proof that nothing is there", async () => {
  space({ "/home/": [["a", "symlink"]] });
  const brought = { files: files("a/1"), folders: [["a"]] };
  expect(await takenOf(HOME, brought, new Set(), signal)).toEqual({ files: [], areComing: false, mayBeMore: true });
});

test("what is still on its way there is as good as there", async () => {
  space({ "/home/": [["a", "directory"], ["0", "file"]], "/home/a": [] });
  const brought = { files: files("0", "1", "a/1", "2"), folders: [["a"]] };
  const taken = await takenOf(HOME, brought, new Set(["/home/1", "/home/a/1", "/fs/2", "/home/a/2"]), signal);
  expect(taken.files.map(({ names }) => names.join("/"))).toEqual(["0", "1", "a/1"]);
  expect(taken.areComing).toBe(true);
});
