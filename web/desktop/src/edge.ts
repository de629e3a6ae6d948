/** What the edge says of the way to the desktop. */

import type { World } from "./connection";

/** How long the edge may take. */
const TIMEOUT_MS = 8000;

/** Whether the edge was reached, and what it said. */
export type Look = { reached: boolean; found: Awaited<ReturnType<World["look"]>> };

/** Looks whether the way to the desktop is open. */
export async function look(): Promise<Look> {
  try {
    const { status, headers } = await fetch("/", {
      method: "HEAD",
      headers: { accept: "application/json" },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return { reached: true, found: meaning(status, headers.get("x-spaceport-error")) };
  } catch {
    return { reached: false, found: undefined };
  }
}

/** What a status and the edge's code for it mean here. */
export function meaning(status: number, code: string | null): Look["found"] {
  switch (status) {
    case 401:
      return "signed out";
    case 403:
    case 404:
      return "forbidden";
    case 502:
      return code === "NO_AGENT" ? "no agent" : undefined;
    case 503:
      return code === "SPACE_NOT_RUNNING" ? "not running" : undefined;
    default:
      return undefined;
  }
}
