/** A world for connections, in which tests are what happens. */

import { FakeClock } from "../../shared/fake-clock";
import type { Bar, Listener, Socket, State, World } from "../src/connection";
import type { Frame, Terminal } from "../src/protocol";

/** A WebSocket that a test is the other end of. */
export class FakeSocket implements Socket {
  onmessage: Socket["onmessage"] = null;
  onclose: Socket["onclose"] = null;
  readonly sent: number[][] = [];
  isClosed = false;

  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  send(message: Uint8Array): void {
    this.sent.push([...message]);
  }

  close(): void {
    this.isClosed = true;
  }

  /** Says which terminal this is. */
  greet(terminal: Partial<Terminal> = {}): void {
    this.say(JSON.stringify({ id: 7, ...terminal }));
  }

  say(text: string): void {
    this.onmessage?.({ data: text });
  }

  frame(kind: number, ...payload: number[]): void {
    this.onmessage?.({ data: new Uint8Array([kind, ...payload]).buffer });
  }

  break(): void {
    this.onclose?.();
  }
}

export class FakeWorld extends FakeClock implements World {
  readonly sockets: FakeSocket[] = [];
  found: Bar | undefined;

  open(path: string): FakeSocket {
    const socket = new FakeSocket(path);
    this.sockets.push(socket);
    return socket;
  }

  bar(): Promise<Bar | undefined> {
    return Promise.resolve(this.found);
  }

  /** The last WebSocket. */
  get socket(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (!socket) throw new Error("no WebSocket was opened");
    return socket;
  }
}

/** Notes what it is told. */
export class Notes implements Listener {
  readonly frames: Frame[] = [];
  readonly states: State["is"][] = [];
  readonly terminals: Terminal[] = [];

  attached(terminal: Terminal): void {
    this.terminals.push(terminal);
  }

  frame(frame: Frame): void {
    this.frames.push(frame);
  }

  changed(state: State): void {
    this.states.push(state.is);
  }
}
