/** What is said of a connection that isn't open, and what a person can do about it. */

import type { Bar, State } from "./connection";
import type { Reason } from "./waits";

/** A line, and the way on: to try at once, or to load the page anew, where the edge says more. */
export interface Message {
  words: string;
  way?: { label: string; does: "try" | "reload" };
}

const BARS: Record<Bar, Message> = {
  "signed out": { words: "Your sign-in has ended.", way: { label: "Sign in again", does: "reload" } },
  forbidden: {
    words: "This space isn’t open to you any more.",
    way: { label: "Look again", does: "reload" },
  },
  "no agent": {
    words: "The space runs, but can’t be entered this way. Restart it.",
    way: { label: "Look again", does: "reload" },
  },
};

const REASONS: Record<Reason, string> = {
  lost: "The connection is lost.",
  starting: "The desktop is starting.",
  absent: "This space’s image has no desktop.",
  "not running": "The space isn’t running. This page goes on when it does.",
  password: "The desktop asks for a password. Let it run without one: Spaceport itself asks who comes in.",
  "too large": "The desktop says that it is larger than a page can draw.",
};

/** What is said at a time, if anything. */
export function messageOf(state: State, nowMs: number): Message | undefined {
  switch (state.is) {
    case "connecting":
      return { words: "Connecting …" };
    case "barred":
      return BARS[state.bar];
    case "waiting":
      return waiting(state, nowMs);
    default:
      return undefined;
  }
}

function waiting({ reason, words, untilMs }: State & { is: "waiting" }, nowMs: number): Message {
  const told = reason === "starting" && words ? `The desktop has ended, and is started again: ${words}` : REASONS[reason];
  if (reason === "not running") return { words: told, way: { label: "Look at it", does: "reload" } };
  const seconds = Math.ceil((untilMs - nowMs) / 1000);
  const again = seconds > 1 ? `Trying again in ${seconds} s.` : "Trying again.";
  return {
    words: reason === "starting" ? told : `${told} ${again}`,
    way: { label: "Try now", does: "try" },
  };
}
