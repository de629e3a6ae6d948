import type { Client } from "urql";
import { expect, test } from "vitest";

import type { Feed, Link, LinkState } from "../src/connection/link";
import { Cell } from "../src/live/cell";
import { Live } from "../src/live/live";

type Asked = { isOver: boolean; answer: (result: { data?: unknown }) => void };

/** What somebody without spaces and tunnels has open. */
function open() {
  const state = new Cell<LinkState>("connecting");
  const feeds: Feed<unknown, unknown>[] = [];
  const later = new Set<() => void>();
  const asked: Asked[] = [];
  const link = {
    state,
    follow: (feed: Feed<unknown, unknown>) => {
      feeds.push(feed);
      feed.begins?.();
    },
    later: (begin: () => void) => void later.add(begin),
  };
  const query = () => ({
    subscribe: (answer: Asked["answer"]) => {
      const it = { isOver: false, answer };
      asked.push(it);
      return { unsubscribe: () => void (it.isOver = true) };
    },
  });
  const live = new Live(link as unknown as Link, { query } as unknown as Client);
  const begin = (): void => feeds.forEach((feed) => feed.begins?.());
  return { live, state, begin, later, asked };
}

const NONE = { data: { spaces: { nodes: [] }, tunnels: { nodes: [] } } };

test("whether there is anything is asked once there is a connection", () => {
  const { live, state, asked } = open();
  expect(asked).toHaveLength(0);
  state.set("live");
  expect(asked).toHaveLength(2);
  asked.forEach(({ answer }) => answer(NONE));
  expect([live.spaces.get().isComplete, live.tunnels.get().isComplete]).toEqual([true, true]);
});

test("it is asked again when asking failed", () => {
  const { live, state, later, asked } = open();
  state.set("live");
  asked[0]?.answer({});
  expect(later.size).toBe(1);
  later.forEach((begin) => begin());
  expect(asked).toHaveLength(3);
  asked[2]?.answer(NONE);
  expect(live.spaces.get().isComplete).toBe(true);
});

test("what was asked by a lost connection isn't waited for", () => {
  const { live, state, begin, asked } = open();
  state.set("live");
  state.set("waiting");
  expect(asked.map(({ isOver }) => isOver)).toEqual([true, true]);
  begin();
  state.set("live");
  expect(asked).toHaveLength(4);
  asked[2]?.answer(NONE);
  expect(live.spaces.get().isComplete).toBe(true);
});
