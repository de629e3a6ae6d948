import { describe, expect, test } from "vitest";

import { answered, begun, empty, heard, nothing, things, type Message, type World } from "../src/live/merge";

interface Lamp {
  id: string;
  revision: number;
  light: string;
}

const lamp = (id: string, revision: number, light: string): Lamp => ({ id, revision, light });
const snapshot = (cursor: string | null, thing: Lamp): Message<Lamp> => ({ cursor, says: "snapshot", thing });
const changed = (cursor: string, thing: Lamp): Message<Lamp> => ({ cursor, says: "changed", thing });
const gone = (cursor: string, id: string, revision?: number): Message<Lamp> => ({ cursor, says: "gone", id, revision });
const after = (messages: Message<Lamp>[], world: World<Lamp> = begun(nothing<Lamp>())): World<Lamp> =>
  messages.reduce(heard, world);

/** Chances that are the same in every run. */
function* chances(seed: number): Generator<number> {
  let state = seed;
  for (;;) {
    state = (state * 1_664_525 + 1_013_904_223) >>> 0;
    yield state / 2 ** 32;
  }
}

describe("snapshots", () => {
  test("a snapshot is shown once it is whole", () => {
    const half = after([snapshot(null, lamp("a", 1, "on"))]);
    expect(things(half)).toEqual([]);
    expect(half.isComplete).toBe(false);
    const whole = heard(half, snapshot("7", lamp("b", 1, "off")));
    expect(things(whole).map(({ id }) => id)).toEqual(["a", "b"]);
    expect([whole.isComplete, whole.after]).toEqual([true, "7"]);
  });

  test("a reset forgets what isn't there any more, and not before the new snapshot is whole", () => {
    const before = after([snapshot(null, lamp("a", 1, "on")), snapshot("7", lamp("b", 1, "off"))]);
    const reset = heard(before, { cursor: null, says: "reset" });
    expect(things(reset)).toHaveLength(2);
    expect(things(heard(reset, snapshot("20", lamp("b", 1, "off"))))).toEqual([lamp("b", 1, "off")]);
  });

  test("a reset to nothing is told with its position", () => {
    const before = after([snapshot("7", lamp("a", 1, "on"))]);
    const none = heard(before, { cursor: "20", says: "reset" });
    expect([things(none), none.after, none.isComplete]).toEqual([[], "20", true]);
  });

  test("where there is nothing, that is known; but not if something came meanwhile", () => {
    const none = empty(begun(nothing<Lamp>()));
    expect([none.isComplete, things(none)]).toEqual([true, []]);
    const made = after([changed("3", lamp("a", 1, "on"))]);
    expect(things(empty(made))).toHaveLength(1);
  });
});

describe("answers", () => {
  const begin = after([snapshot("7", lamp("a", 3, "off"))]);

  test("an answer is shown before its event is heard, and doesn't say where the feed stands", () => {
    const world = answered(begin, lamp("a", 4, "on"), "9");
    expect(things(world)).toEqual([lamp("a", 4, "on")]);
    expect(world.after).toBe("7");
  });

  test("an event that is older than an answer changes nothing", () => {
    const world = answered(begin, lamp("a", 5, "on"), "9");
    expect(things(heard(world, changed("8", lamp("a", 4, "dim"))))).toEqual([lamp("a", 5, "on")]);
  });

  test("an answer that is older than an event changes nothing, even if it names a later position", () => {
    const world = heard(begin, changed("9", lamp("a", 5, "on")));
    expect(things(answered(world, lamp("a", 4, "dim"), "12"))).toEqual([lamp("a", 5, "on")]);
  });

  test("a late answer brings nothing back that is gone", () => {
    const deleted = heard(begin, gone("10", "a", 6));
    expect(things(answered(deleted, lamp("a", 5, "on"), "12"))).toEqual([]);
    const lost = heard(begin, gone("10", "a"));
    expect(things(answered(lost, lamp("a", 4, "on"), "9"))).toEqual([]);
    // Who is let in again sees it again.
    expect(things(heard(lost, changed("15", lamp("a", 7, "on"))))).toHaveLength(1);
  });

  test("an answer that comes during a snapshot survives it", () => {
    const reset = heard(begin, { cursor: null, says: "reset" });
    const world = heard(answered(reset, lamp("a", 5, "on"), "30"), snapshot("20", lamp("a", 4, "dim")));
    expect(things(world)).toEqual([lamp("a", 5, "on")]);
  });
});

test("positions are compared as numbers, however long they are", () => {
  const begin = after([snapshot("9", lamp("a", 1, "off"))]);
  const lost = heard(begin, gone("10", "a"));
  expect(things(lost)).toEqual([]);
  expect(things(answered(lost, lamp("a", 1, "on"), "9"))).toEqual([]);
});

test("however answers are late, lost connections repeat events, and in what order both come, the end is the truth", () => {
  for (let seed = 1; seed <= 300; seed += 1) {
    const chance = chances(seed);
    const draw = (below: number): number => Math.floor((chance.next().value ?? 0) * below);
    // The truth: one log of changes of a few lamps.
    const truth = new Map<string, Lamp>();
    const log: Message<Lamp>[] = [];
    for (let cursor = 2; cursor < 40; cursor += 1) {
      const id = "abc"[draw(3)] ?? "a";
      const revision = (log.filter((it) => "thing" in it && it.thing.id === id).length ?? 0) + 1;
      if (truth.has(id) && draw(8) === 0) {
        truth.delete(id);
        log.push(gone(String(cursor), id));
      } else {
        const thing = lamp(id, revision, `light ${cursor}`);
        truth.set(id, thing);
        log.push(changed(String(cursor), thing));
      }
    }
    // The feed, with repetitions, and between its messages answers of any age up to the present.
    let world = begun(nothing<Lamp>());
    let heardOf = 0;
    while (heardOf < log.length) {
      if (draw(3) === 0) {
        const message = log[draw(Math.min(log.length, heardOf + 5))];
        if (message && message.says === "changed") world = answered(world, message.thing, message.cursor ?? "0");
      }
      if (draw(10) === 0) heardOf = Math.max(0, heardOf - draw(4));
      const next = log[heardOf];
      if (next) world = heard(world, next);
      heardOf += 1;
    }
    expect(things(world), `seed ${seed}`).toEqual([...truth.values()].sort((a, b) => (a.id < b.id ? -1 : 1)));
  }
});
