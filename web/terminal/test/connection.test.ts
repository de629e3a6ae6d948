import { beforeEach, describe, expect, test } from "vitest";

import { Connection } from "../src/connection";
import { FakeWorld, Notes } from "./world";

const SIZE = { columns: 80, rows: 24 };
const KEYS = new TextEncoder();

let world: FakeWorld;
let notes: Notes;
let connection: Connection;

beforeEach(() => {
  world = new FakeWorld();
  notes = new Notes();
  connection = new Connection(world, notes, SIZE);
  connection.connect();
});

/** What the next WebSocket asks for, beside the size. */
function asked(): string {
  const { pathname, searchParams } = new URL(world.socket.path, "wss://h");
  const seen = searchParams.get("seen");
  return pathname.replace("/api/terminals/", "") + (seen === null ? "" : ` from ${seen}`);
}

describe("reattaching", () => {
  test("a new terminal is asked for once, and by its number from then on", () => {
    expect(world.socket.path).toBe("/api/terminals/new?columns=80&rows=24");
    world.socket.greet();
    world.socket.break();
    world.wait();
    expect(asked()).toBe("7 from 0");
  });

  test("what was seen is counted through resets, and what only draws is not", () => {
    world.socket.greet({ position: 100 });
    world.socket.frame(0, 1, 2, 3);
    expect(seenNext()).toBe("7 from 103");
    world.socket.greet({ position: 103 });
    world.socket.frame(6, 0, 0, 0, 0, 0, 0, 2, 0);
    world.socket.frame(7, 1, 2, 3, 4);
    world.socket.frame(0, 9);
    expect(seenNext()).toBe("7 from 513");
    expect(notes.frames.map(({ kind }) => kind)).toEqual(["data", "reset", "screen", "data"]);
  });

  function seenNext(): string {
    world.socket.break();
    world.wait();
    return asked();
  }

  test("a good connection is made anew at once, bad ones ever later, up to a bound", () => {
    world.socket.greet();
    world.nowMs += 5000;
    world.socket.break();
    expect(world.wait()).toBe(0);
    const waits = Array.from({ length: 8 }, () => {
      world.socket.break();
      return world.wait();
    });
    expect(waits).toEqual([250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
    world.socket.greet();
    world.nowMs += 5000;
    world.socket.break();
    expect(world.wait()).toBe(0);
    world.socket.break();
    expect(world.wait()).toBe(250);
  });

  test("connections that break right after their greeting are made ever later", () => {
    const waits = Array.from({ length: 3 }, () => {
      world.socket.greet();
      world.socket.break();
      return world.wait();
    });
    expect(waits).toEqual([250, 500, 1000]);
  });

  test("who doesn't want to wait doesn't, and nothing is connected twice", () => {
    world.socket.break();
    connection.hurry();
    connection.hurry();
    expect(world.sockets.length).toBe(2);
    world.socket.greet();
    connection.hurry();
    expect(world.sockets.length).toBe(2);
    expect(world.timers).toEqual([]);
  });

  test("a WebSocket that never says which terminal it is is given up", () => {
    expect(world.wait()).toBe(10_000);
    expect(world.socket.isClosed).toBe(true);
    expect(connection.state.is).toBe("waiting");
  });

  test("a dead WebSocket is replaced, and what still comes from it is not drawn", () => {
    const dead = world.socket;
    dead.greet();
    connection.suspect();
    expect(dead.isClosed).toBe(true);
    world.wait();
    world.socket.greet();
    dead.frame(6, 0, 0, 0, 0, 0, 0, 0, 9);
    world.socket.break();
    world.wait();
    expect(asked()).toBe("7 from 0");
  });

  test("what isn't the protocol ends a connection like a broken one", () => {
    world.socket.greet();
    world.socket.frame(6, 1);
    expect(connection.state.is).toBe("waiting");
  });

  test("it rests without a WebSocket, and goes on behind what it has seen", () => {
    world.socket.greet();
    world.socket.frame(0, 1, 2);
    connection.rest();
    expect([world.socket.isClosed, connection.state.is, world.timers]).toEqual([true, "resting", []]);
    connection.connect();
    expect(asked()).toBe("7 from 2");
  });
});

describe("ending", () => {
  test("a program's end is the end, and says how", () => {
    world.socket.greet();
    world.socket.frame(5, ...KEYS.encode('{"STATUS":3}'));
    expect(connection.state).toEqual({ is: "ended", exit: { status: 3 } });
    expect([world.socket.isClosed, world.timers]).toEqual([true, []]);
  });

  test("a refusal is not asked for again", () => {
    world.socket.say('{"code":"NOT_FOUND","message":"there is no such terminal"}');
    expect(connection.state).toMatchObject({ is: "refused", refusal: { code: "NOT_FOUND" } });
    expect(world.timers).toEqual([]);
  });

  test("the number of one that is being made can be waited for, until it is known that there is none", async () => {
    const named = connection.named();
    world.socket.greet();
    expect(await named).toBe(7);
    expect(await connection.named()).toBe(7);
    const another = new Connection(world, notes, SIZE);
    another.connect();
    const unnamed = another.named();
    world.socket.break();
    expect(await unnamed).toBe(undefined);
  });

  test("what the edge says of the way in ends the tries, and nothing else does", async () => {
    world.socket.break();
    await Promise.resolve();
    expect(connection.state.is).toBe("waiting");
    world.found = "forbidden";
    world.wait();
    world.socket.break();
    await Promise.resolve();
    await Promise.resolve();
    expect(connection.state).toEqual({ is: "barred", bar: "forbidden" });
    expect(world.timers).toEqual([]);
    connection.hurry();
    expect(connection.state.is).toBe("connecting");
  });

  test("closed is closed", () => {
    world.socket.greet();
    connection.close();
    expect([world.socket.isClosed, world.timers, notes.states.at(-1)]).toEqual([true, [], "closed"]);
  });
});

describe("what goes to the terminal", () => {
  test("what is typed without a connection goes once there is one, up to a bound", () => {
    connection.type(KEYS.encode("ls"));
    connection.type(new Uint8Array(5000));
    connection.type(KEYS.encode("\r"));
    world.socket.greet();
    const typed = world.socket.sent.filter(([kind]) => kind === 0);
    expect(typed).toEqual([[0, 108, 115], [0, 13]]);
    connection.type(KEYS.encode("x"));
    expect(world.socket.sent.at(-1)).toEqual([0, 120]);
  });

  test("a window's size is told when it changes, and whenever it is attached", () => {
    connection.resize({ columns: 100, rows: 30 });
    world.socket.greet();
    expect(world.socket.sent).toEqual([[3, 0, 100, 0, 30, 0, 0, 0, 0]]);
    connection.resize({ columns: 100, rows: 30 });
    expect(world.socket.sent.length).toBe(1);
    connection.resize({ columns: 90, rows: 30 });
    expect(world.socket.sent.at(-1)).toEqual([3, 0, 90, 0, 30, 0, 0, 0, 0]);
    world.socket.break();
    world.wait();
    expect(world.socket.path).toContain("columns=90&rows=30");
  });
});
