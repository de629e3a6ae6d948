/** How a space is, in a word and a colour. */

import type { Space } from "./space";

type Look = Pick<Space, "status" | "failure">;

export type Tone = "good" | "busy" | "calm" | "bad";

export function toneOf({ status, failure }: Look): Tone {
  if (status === "RUNNING") return "good";
  if (status === "STARTING" || status === "STOPPING" || status === "DELETING") return "busy";
  return failure ? "bad" : "calm";
}

const WORDS = {
  CREATED: "Not started yet",
  STARTING: "Starting",
  RUNNING: "Running",
  STOPPING: "Stopping",
  STOPPED: "Stopped",
  DELETING: "Deleting",
  DELETED: "Deleted",
} as const satisfies Record<Space["status"], string>;

export function wordOf(space: Look): string {
  return space.failure && space.status === "STOPPED" ? "Failed" : WORDS[space.status];
}

/** What a person may ask of it now. */
export function wishesOf({ status, desiredStatus }: Pick<Space, "status" | "desiredStatus">) {
  const isLeaving = status === "DELETING" || status === "DELETED";
  const runs = desiredStatus === "RUNNING";
  return { start: !isLeaving && !runs, stop: !isLeaving && runs, restart: !isLeaving && runs, remove: !isLeaving };
}

/** What comes to whoever opens something of it now, where that isn't the thing itself. */
export function atDoorsOf({ status, desiredStatus }: Pick<Space, "status" | "desiredStatus">): string | undefined {
  if (status === "RUNNING") return undefined;
  const comes = desiredStatus === "RUNNING";
  return comes ? "It is starting: what is opened comes once it runs." : "It doesn’t run: opening something starts it.";
}

/** Why its log has no lines: a container takes its log along. */
export function silenceOf({ status, failure }: Look): string {
  if (status === "CREATED") return "It wasn’t started yet.";
  if (status !== "STOPPED") return "Nothing was written yet.";
  const rest = failure && failure.logTail.length > 0 ? " The last it wrote stands above." : "";
  return `It doesn’t run, and its log went with its container.${rest}`;
}
