/**
 * What is known of things that change, from two sources that may overtake each other: the feed, which
 * tells every change in order, and the answers to mutations.
 *
 * One rule keeps the newest: a thing's `revision` counts its changes, so the higher one is newer.
 * Where there is none, or both are the same, the higher position in the event log is. What is gone is
 * remembered with its position, so that a late answer doesn't bring it back.
 */

export interface Thing {
  id: string;
  /** Absent of things that count no changes. */
  revision?: number;
}

/** A message of a feed, whatever it is a feed of. */
export type Message<T extends Thing> = { cursor: string | null } & (
  | { says: "reset" }
  | { says: "snapshot" | "changed"; thing: T }
  | { says: "gone"; id: string; revision: number | undefined }
);

interface Known<T> {
  /** Absent of what is gone. */
  thing: T | undefined;
  revision: number | undefined;
  cursor: bigint;
}

export interface World<T extends Thing> {
  readonly known: ReadonlyMap<string, Known<T>>;
  /** A snapshot that hasn't come to its end. Until then, what was known before stays. */
  readonly arriving: ReadonlyMap<string, Known<T>> | undefined;
  /** Where the feed is resumed. */
  readonly after: string | undefined;
  /** Whether all there is is known. */
  readonly isComplete: boolean;
}

/** Of a snapshot, until its position is known with its last message. */
const UNPLACED = -1n;

export function nothing<T extends Thing>(): World<T> {
  return { known: new Map(), arriving: undefined, after: undefined, isComplete: false };
}

/** The feed begins anew or goes on. Without a cursor to resume at, snapshots follow. */
export function begun<T extends Thing>(world: World<T>): World<T> {
  return { ...world, arriving: world.after === undefined ? new Map() : undefined };
}

/** Whether nothing of a snapshot has come yet: there may be nothing. */
export function mayBeEmpty<T extends Thing>({ arriving }: World<T>): boolean {
  return arriving?.size === 0;
}

/** There is nothing at all, so that no snapshot comes. What came meanwhile is newer than that. */
export function empty<T extends Thing>(world: World<T>): World<T> {
  if (!mayBeEmpty(world)) return world;
  return { ...world, known: new Map(), arriving: undefined, isComplete: true };
}

/** The world after a message of the feed. */
export function heard<T extends Thing>(world: World<T>, message: Message<T>): World<T> {
  const cursor = message.cursor === null ? UNPLACED : BigInt(message.cursor);
  const next = placed(told(world, message, cursor), cursor);
  return message.cursor === null ? next : { ...next, after: message.cursor };
}

function told<T extends Thing>(world: World<T>, message: Message<T>, cursor: bigint): World<T> {
  switch (message.says) {
    case "reset":
      return { ...world, arriving: new Map() };
    case "snapshot": {
      const { thing } = message;
      const known = { thing, revision: thing.revision, cursor };
      return { ...world, arriving: learned(world.arriving ?? new Map(), thing.id, known) };
    }
    case "changed": {
      const { thing } = message;
      return learn(world, thing.id, { thing, revision: thing.revision, cursor });
    }
    case "gone":
      return learn(world, message.id, { thing: undefined, revision: message.revision, cursor });
  }
}

/** A position ends the snapshot that was arriving: it is of that position, and all there is. */
function placed<T extends Thing>(world: World<T>, cursor: bigint): World<T> {
  if (world.arriving === undefined || cursor === UNPLACED) return world;
  const known = new Map<string, Known<T>>();
  for (const [id, it] of world.arriving) {
    known.set(id, it.cursor === UNPLACED ? { ...it, cursor } : it);
  }
  return { ...world, known, arriving: undefined, isComplete: true };
}

/** The world after the answer to a mutation. It says nothing of where the feed stands. */
export function answered<T extends Thing>(world: World<T>, thing: T, cursor: string): World<T> {
  return learn(world, thing.id, { thing, revision: thing.revision, cursor: BigInt(cursor) });
}

function learn<T extends Thing>(world: World<T>, id: string, next: Known<T>): World<T> {
  const known = learned(world.known, id, next);
  const arriving = world.arriving && learned(world.arriving, id, next);
  return known === world.known && arriving === world.arriving ? world : { ...world, known, arriving };
}

function learned<T>(
  known: ReadonlyMap<string, Known<T>>,
  id: string,
  next: Known<T>,
): ReadonlyMap<string, Known<T>> {
  const before = known.get(id);
  return before && !supersedes(next, before) ? known : new Map(known).set(id, next);
}

function supersedes<T>(next: Known<T>, before: Known<T>): boolean {
  const [newer, older] = [next.revision, before.revision];
  if (newer !== undefined && older !== undefined && newer !== older) return newer > older;
  return next.cursor >= before.cursor;
}

/** What there is, in the order in which it was made: identifiers are made in that order. */
export function things<T extends Thing>(world: World<T>): T[] {
  const all = [...world.known.values()].flatMap(({ thing }) => thing ?? []);
  return all.sort((a, b) => (a.id < b.id ? -1 : 1));
}
