import { afterEach, expect, test, vi } from "vitest";

import { digestOf } from "../src/digest";
import { HOME, inside } from "../src/place";
import { sentBefore } from "../src/resume";

const { signal } = new AbortController();
const place = inside(HOME, "large");
const file = new Blob([new Uint8Array(5 << 20).fill(7)]);

/** A space that has this of an upload. */
function has(part: Blob | undefined): string[] {
  const asked: string[] = [];
  vi.stubGlobal("fetch", async (path: string) => {
    asked.push(path);
    if (!part) return new Response('{"code":"NOT_FOUND","message":"no"}', { status: 404 });
    const most = Number(new URL(path, "https://space").searchParams.get("digest-of"));
    const beginning = part.slice(0, most);
    return Response.json({ size: beginning.size, digest: await digestOf(beginning, signal) });
  });
  return asked;
}

const before = async (content = file) => sentBefore(place, content, () => {}, signal);

afterEach(() => vi.unstubAllGlobals());

test("a digest is that of the agent, in whatever pieces it is made", async () => {
  const empty = "blake3=af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
  expect(await digestOf(new Blob([]), signal)).toBe(empty);
  // Of the algorithm's own test vectors: bytes that count to 250 and begin anew.
  const counting = new Uint8Array(102_400).map((_, at) => at % 251);
  const known = "blake3=bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085";
  expect(await digestOf(new Blob([counting]), signal)).toBe(known);
  await expect(digestOf(file, AbortSignal.abort())).rejects.toThrow("Cancelled.");
});

test("what is there counts if the file begins with it", async () => {
  const asked = has(file.slice(0, 3 << 20));
  expect(await before()).toBe(3 << 20);
  expect(asked).toEqual([`/home/large?part&digest-of=${file.size + 1}`]);
  has(file);
  expect(await before()).toBe(file.size);
});

test("what is there of something else doesn't count", async () => {
  has(new Blob([new Uint8Array(3 << 20).fill(8)]));
  expect(await before()).toBe(0);
  has(new Blob([file, "more"]));
  expect(await before()).toBe(0);
  has(undefined);
  expect(await before()).toBe(0);
});

test("of a small file nothing is asked", async () => {
  const asked = has(file);
  expect(await before(file.slice(0, 4))).toBe(0);
  expect(asked).toEqual([]);
});
