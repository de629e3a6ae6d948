/** The digest by which the agent tells what is in a file. */

import { blake3 } from "@noble/hashes/blake3";
import { bytesToHex } from "@noble/hashes/utils";

import { cancelled, unreadable } from "./failure";

/** As much is in memory at a time, and hashed without letting the page do something else. */
const PIECE_BYTES = 1 << 20;

export async function digestOf(content: Blob, signal: AbortSignal): Promise<string> {
  const hash = blake3.create({});
  for (let at = 0; at < content.size; at += PIECE_BYTES) {
    if (signal.aborted) throw cancelled();
    hash.update(await read(content.slice(at, at + PIECE_BYTES)));
  }
  return `blake3=${bytesToHex(hash.digest())}`;
}

async function read(piece: Blob): Promise<Uint8Array> {
  try {
    return new Uint8Array(await piece.arrayBuffer());
  } catch {
    throw unreadable();
  }
}
