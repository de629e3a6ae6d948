import { expect, test } from "vitest";

import { lines, read, sorted, type Entry } from "../src/entry";

const entry = (name: string, kind: Entry["kind"] = "file"): Entry => ({ name, kind, sizeBytes: 1, changedAtMs: 0 });

test("a line is an entry, or says what is lacking", () => {
  const told = { name: "a%20b", kind: "symlink", size: 3, mode: "0777", mtime: "1.500000000", target: "c" };
  expect(read(JSON.stringify(told))).toEqual({
    name: "a%20b", kind: "symlink", sizeBytes: 3, changedAtMs: 1500, target: "c",
  });
  const lacking = { error: { code: "FORBIDDEN", message: "not allowed" }, name: "x", others: 2 };
  expect(read(JSON.stringify(lacking))).toEqual({ words: "not allowed" });
});

test("lines are whole, wherever the stream was cut", async () => {
  const whole = new TextEncoder().encode("one\nzwei: ü\n\nthree");
  for (let size = 1; size <= whole.length; size += 1) {
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < whole.length; at += size) pieces.push(whole.slice(at, at + size));
    const found: string[] = [];
    for await (const line of lines(new Blob(pieces as BlobPart[]).stream())) found.push(line);
    expect(found).toEqual(["one", "zwei: ü", "three"]);
  }
});

test("a stream that breaks is told once, to who reads it", async () => {
  const broken = new ReadableStream<Uint8Array>({ pull: (it) => it.error(new TypeError("broken")) });
  await expect(lines(broken).next()).rejects.toThrow("broken");
});

test("directories come first, and names are in the order that people count in", () => {
  const names = sorted([entry("b10"), entry("b9"), entry("Z", "directory"), entry("%C3%A4"), entry("a", "symlink")]);
  expect(names.map(({ name }) => name)).toEqual(["Z", "a", "%C3%A4", "b9", "b10"]);
});
