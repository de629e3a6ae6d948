import { beforeEach, describe, expect, test } from "vitest";

import { Connection, type State } from "../src/connection";
import { FakeWorld, settle } from "./world";

let world: FakeWorld;
let states: State[];
let connection: Connection;

beforeEach(() => {
  world = new FakeWorld();
  states = [];
  connection = new Connection(world, (state) => states.push(state));
  connection.connect();
});

describe("connecting again", () => {
  test("a good connection is made anew at once, bad ones ever later, up to a bound", () => {
    world.link.listener.opened();
    world.nowMs += 5000;
    world.end(1006);
    expect(world.wait()).toBe(0);
    const waits = Array.from({ length: 8 }, () => {
      world.end(1006);
      return world.wait();
    });
    expect(waits).toEqual([250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
    world.link.listener.opened();
    world.nowMs += 5000;
    world.end(1011);
    expect(world.wait()).toBe(0);
    world.end(1006);
    expect(world.wait()).toBe(250);
  });

  test("a desktop that is starting is asked for often, and one that isn't there seldom", () => {
    const waits = (code: number) =>
      Array.from({ length: 6 }, () => {
        world.end(code, "why");
        return world.wait();
      });
    expect(waits(4503)).toEqual([250, 500, 1000, 2000, 3000, 3000]);
    expect(waits(4404)).toEqual([5000, 10_000, 20_000, 30_000, 30_000, 30_000]);
    // What the edge said isn't asked for again.
    expect(world.looks).toBe(0);
    expect(states.filter(({ is }) => is === "waiting")[0]).toMatchObject({ reason: "starting", words: "why" });
  });

  test("who doesn't want to wait doesn't, and nothing is connected twice", () => {
    world.end(1006);
    connection.hurry();
    connection.hurry();
    expect(world.links.length).toBe(2);
    world.link.listener.opened();
    connection.hurry();
    expect(world.links.length).toBe(2);
    expect(world.timers).toEqual([]);
  });

  test("a WebSocket on which no RFB is spoken is given up", () => {
    expect(world.wait()).toBe(15_000);
    expect(world.link.isClosed).toBe(true);
    expect(connection.state.is).toBe("waiting");
  });

  test("a dead WebSocket is replaced, and what it still tells is nothing", () => {
    const dead = world.link;
    dead.listener.opened();
    connection.suspect();
    expect(dead.isClosed).toBe(true);
    world.wait();
    world.link.listener.opened();
    dead.listener.ended(1006, "");
    dead.listener.asked();
    expect(connection.state.is).toBe("open");
    expect(world.timers).toEqual([]);
  });

  test("whoever reconnects an open desktop has one connection", () => {
    const first = world.link;
    first.listener.opened();
    connection.connect();
    expect([first.isClosed, world.links.length, connection.state.is]).toEqual([true, 2, "connecting"]);
  });
});

describe("ending", () => {
  test("what the edge says of the way in ends the tries, and nothing else does", async () => {
    world.end(1006);
    await settle();
    expect(connection.state.is).toBe("waiting");
    world.found = "forbidden";
    world.wait();
    world.end(1008);
    await settle();
    expect(connection.state).toEqual({ is: "barred", bar: "forbidden" });
    expect(world.timers).toEqual([]);
    connection.hurry();
    expect(connection.state.is).toBe("connecting");
  });

  test("a space that isn't running is waited for", async () => {
    world.found = "not running";
    world.end(1008);
    await settle();
    expect(connection.state).toMatchObject({ is: "waiting", reason: "not running" });
    expect(world.wait()).toBe(1000);
    expect(connection.state.is).toBe("connecting");
  });

  test("an answer that comes when it goes on again changes nothing", async () => {
    world.found = "forbidden";
    world.end(1006);
    connection.hurry();
    world.link.listener.opened();
    await settle();
    expect(connection.state.is).toBe("open");
  });

  test("a desktop that is too large is said to be so, and asked for seldom", () => {
    world.link.listener.oversized();
    expect(world.link.isClosed).toBe(true);
    expect(connection.state).toMatchObject({ is: "waiting", reason: "too large" });
    expect(world.wait()).toBe(5_000);
  });

  test("a desktop with a password is said to have one", () => {
    world.link.listener.asked();
    expect(world.link.isClosed).toBe(true);
    expect(connection.state).toMatchObject({ is: "waiting", reason: "password" });
  });
});
