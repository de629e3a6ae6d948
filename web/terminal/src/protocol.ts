/**
 * What the page and the edge say to each other about one terminal, as `domain/src/agent.rs` and
 * `domain/src/agent/frame.rs` define it. A WebSocket's first message is JSON; each one behind it is
 * a frame: a byte for its kind, and a payload.
 */

/** What a frame carries. */
export const Kind = {
  /** Bytes: typed to the terminal, or printed by it. */
  data: 0,
  /** A size: of the window to the terminal; from it, its own from here on. */
  size: 3,
  /** How the terminal's program ended; the last frame. */
  exit: 5,
  /** What was drawn is void; the payload is the position of the next data. */
  reset: 6,
  /** Bytes that draw the terminal and don't count for its position. */
  screen: 7,
} as const;

/** No terminal has more columns or rows; whatever says so would only fill the page's memory. */
const LONGEST_SIDE = 1000;

/** The size of a terminal in characters. */
export interface Size {
  columns: number;
  rows: number;
}

/** A terminal of the space. */
export interface Terminal {
  id: number;
  /** What programs called it last. */
  title: string;
  size: Size;
  /** How many pages look at it. */
  viewers: number;
  /** Whether something other than the shell runs in it. */
  busy: boolean;
  /** The position of its output at which what follows begins. */
  position: number;
  /** The position that its output had reached by then: what is before it is history. */
  end: number;
}

/** How a terminal's program ended. */
export type Exit = { status: number } | { signal: string };

/** Why there is no terminal. */
export interface Refusal {
  code: string;
  message: string;
}

/** What comes from a terminal. */
export type Frame =
  | { kind: "data"; bytes: Uint8Array }
  | { kind: "screen"; bytes: Uint8Array }
  | { kind: "reset"; position: number }
  | { kind: "size"; size: Size }
  | { kind: "exit"; exit: Exit };

/** A message that isn't what the protocol says. */
export class Misspoken extends Error {}

/** The longest payload of a frame. */
const PAYLOAD_MAX_BYTES = 64 << 10;

/** Reads the first message of a WebSocket. */
export function readGreeting(text: string): { terminal: Terminal } | { refusal: Refusal } {
  const said = parse(text);
  if (typeof said.code === "string") {
    return { refusal: { code: said.code, message: String(said.message ?? said.code) } };
  }
  return { terminal: readTerminal(said) };
}

/** Reads a terminal. Fields that an older agent doesn't send are nothing. */
export function readTerminal(said: unknown): Terminal {
  const it = said as Partial<Terminal> | null;
  if (typeof it !== "object" || it === null || typeof it.id !== "number") {
    throw new Misspoken("this is no terminal");
  }
  return {
    id: it.id,
    title: it.title ?? "",
    size: { columns: it.size?.columns ?? 0, rows: it.size?.rows ?? 0 },
    viewers: it.viewers ?? 0,
    busy: it.busy ?? false,
    position: it.position ?? 0,
    end: it.end ?? 0,
  };
}

/** Reads a frame; nothing for kinds that are younger than this page. */
export function readFrame(message: ArrayBuffer): Frame | undefined {
  const kind = new Uint8Array(message)[0];
  const bytes = new Uint8Array(message, Math.min(1, message.byteLength));
  const view = new DataView(message, bytes.byteOffset);
  switch (kind) {
    case Kind.data:
      return { kind: "data", bytes };
    case Kind.screen:
      return { kind: "screen", bytes };
    case Kind.reset:
      require(bytes.length === 8);
      return { kind: "reset", position: Number(view.getBigUint64(0)) };
    case Kind.size:
      require(bytes.length === 8);
      return {
        kind: "size",
        size: {
          columns: Math.min(view.getUint16(0), LONGEST_SIDE),
          rows: Math.min(view.getUint16(2), LONGEST_SIDE),
        },
      };
    case Kind.exit:
      return { kind: "exit", exit: readExit(new TextDecoder().decode(bytes)) };
    default:
      return undefined;
  }
}

/** What was typed, in as many frames as it takes. */
export function dataFrames(bytes: Uint8Array): Uint8Array<ArrayBuffer>[] {
  const frames = [];
  for (let at = 0; at < bytes.length; at += PAYLOAD_MAX_BYTES) {
    frames.push(frame(Kind.data, bytes.subarray(at, at + PAYLOAD_MAX_BYTES)));
  }
  return frames;
}

/** The size of a window. */
export function sizeFrame({ columns, rows }: Size): Uint8Array<ArrayBuffer> {
  const payload = new DataView(new ArrayBuffer(8));
  payload.setUint16(0, columns);
  payload.setUint16(2, rows);
  return frame(Kind.size, new Uint8Array(payload.buffer));
}

/** How a program ended, for a person. */
export function exitWords(exit: Exit): string {
  if ("signal" in exit) return `Ended by the signal ${exit.signal}.`;
  return exit.status === 0 ? "Ended." : `Ended with the status ${exit.status}.`;
}

function frame(kind: number, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const message = new Uint8Array(1 + payload.length);
  message[0] = kind;
  message.set(payload, 1);
  return message;
}

function readExit(text: string): Exit {
  const said = parse(text) as { STATUS?: number; SIGNAL?: { name?: string } };
  if (typeof said.STATUS === "number") return { status: said.STATUS };
  require(typeof said.SIGNAL?.name === "string");
  return { signal: said.SIGNAL?.name ?? "" };
}

function parse(text: string): Record<string, unknown> {
  try {
    const said: unknown = JSON.parse(text);
    require(typeof said === "object" && said !== null);
    return said as Record<string, unknown>;
  } catch {
    throw new Misspoken("a message isn't JSON");
  }
}

function require(holds: boolean): void {
  if (!holds) throw new Misspoken("a frame isn't what it says it is");
}
