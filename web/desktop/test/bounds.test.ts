import { deflateSync } from "node:zlib";

import RFB from "@novnc/novnc";
import Inflator from "novnc-inflator";
import { describe, expect, test, vi } from "vitest";

import { isDrawable, PIXELS_MAX_BYTES, TEXT_MAX_BYTES } from "../src/bounds";
import { BoundedRfb } from "../src/rfb";

/** As much of a page as noVNC wants to see when it is loaded. */
vi.hoisted(() => {
  class Observer {
    observe() {}
  }
  const node = { appendChild() {}, removeChild() {} };
  const createElement = () => ({ ...node, style: { cursor: "" }, parentNode: node });
  vi.stubGlobal("window", { addEventListener() {} });
  vi.stubGlobal("document", { documentElement: {}, body: node, createElement });
  vi.stubGlobal("navigator", { maxTouchPoints: 0, platform: "", userAgent: "" });
  vi.stubGlobal("MutationObserver", Observer);
  vi.stubGlobal("WebSocket", class {});
});

/** What noVNC reads from, with a whole message in it. */
class Socket {
  #at = 0;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  rQwait(): boolean {
    return false;
  }

  rQskipBytes(count: number): void {
    this.#at += count;
  }

  rQshift32(): number {
    return this.rQshiftBytes(4).readUInt32BE();
  }

  rQshiftBytes(count: number): Buffer {
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }
}

/** A client in the middle of a connection, and what it tells of. */
function client(message: Buffer = Buffer.alloc(0)): { rfb: BoundedRfb; socket: Socket; told: unknown[] } {
  const socket = new Socket(message);
  const rfb: BoundedRfb = Object.assign(Object.create(BoundedRfb.prototype), { _sock: socket, _listeners: new Map() });
  const told: unknown[] = [];
  rfb.addEventListener("clipboard", ({ detail }) => told.push(detail.text));
  rfb.addEventListener("oversize", ({ type }) => told.push(type));
  return { rfb, socket, told };
}

/** The desktop gives a text (extended clipboard, action `provide`) that it says is so long. */
function provided(text: string, sizeBytes: number): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32BE(sizeBytes);
  const packed = deflateSync(Buffer.concat([size, Buffer.from(text)]));
  const head = Buffer.alloc(11);
  head.writeInt32BE(-(4 + packed.length), 3);
  head.writeUInt32BE((1 << 28) | 1, 7);
  return Buffer.concat([head, packed]);
}

describe("a desktop's size", () => {
  test("is drawn when it is that of a screen, and not when nobody has such", () => {
    for (const [width, height] of [[0, 0], [1000, 650], [7680, 4320], [16_384, 4096]] as const) {
      expect(isDrawable(width, height)).toBe(true);
    }
    for (const [width, height] of [[16_385, 1], [1, 65_535], [16_384, 4097], [65_535, 65_535]] as const) {
      expect(isDrawable(width, height)).toBe(false);
    }
  });

  test("is told of instead of being drawn when it is too large", () => {
    const resize = vi.spyOn(RFB.prototype, "_resize").mockReturnValue();
    const { rfb, told } = client();
    rfb._resize(1000, 650);
    expect([resize.mock.calls, told]).toEqual([[[1000, 650]], []]);
    rfb._resize(65_535, 65_535);
    expect([resize.mock.calls.length, told]).toEqual([1, ["oversize"]]);
  });
});

describe("a text", () => {
  test("is unpacked when it is as long as it says", () => {
    const { rfb, told } = client(provided("ä €\0", 7));
    expect([rfb._handleServerCutText(), told]).toEqual([true, ["ä €"]]);
  });

  test("that says to be longer than any that is passed on takes no memory, and the next message follows", () => {
    for (const size of [TEXT_MAX_BYTES + 1, 0x7fff_ffff, 0xffff_ffff]) {
      const { rfb, socket, told } = client(provided("x", size));
      expect([rfb._handleServerCutText(), socket.left, told]).toEqual([true, 0, []]);
    }
  });

  test("is the only thing with so low a bound", () => {
    const inflate = (bytes: number) => () => new Inflator().inflate(bytes);
    expect(inflate(TEXT_MAX_BYTES + 1)).not.toThrow("are too many");
    expect(inflate(PIXELS_MAX_BYTES + 1)).toThrow("are too many");
  });
});
