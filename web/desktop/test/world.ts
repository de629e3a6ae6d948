/** A world for connections, in which tests are what happens. */

import { FakeClock } from "../../shared/fake-clock";
import type { Bar, LinkListener, World } from "../src/connection";

/** A link that a test is the other end of. */
export class FakeLink {
  isClosed = false;
  readonly listener: LinkListener;

  constructor(listener: LinkListener) {
    this.listener = listener;
  }

  close(): void {
    this.isClosed = true;
    // A WebSocket tells of its end also whoever ended it.
    this.listener.ended(1005, "");
  }
}

export class FakeWorld extends FakeClock implements World {
  readonly links: FakeLink[] = [];
  looks = 0;
  found: Bar | "not running" | undefined;

  open(listener: LinkListener): FakeLink {
    const link = new FakeLink(listener);
    this.links.push(link);
    return link;
  }

  look(): Promise<Bar | "not running" | undefined> {
    this.looks += 1;
    return Promise.resolve(this.found);
  }

  /** The last link. */
  get link(): FakeLink {
    const link = this.links.at(-1);
    if (!link) throw new Error("nothing was opened");
    return link;
  }

  /** The other end says goodbye. */
  end(code: number, words = ""): void {
    this.link.listener.ended(code, words);
  }
}

/** Lets promises that are kept be heard of. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
}
