/** The list of the space's terminals, as the edge gets it from the agent. */

import type { Bar, World } from "./connection";
import { readTerminal, type Terminal } from "./protocol";

/** How long the edge may take. */
const TIMEOUT_MS = 8000;

/** All terminals of the space, oldest first; or why it can't be told for good; or nothing. */
export async function list(): Promise<Terminal[] | Bar | undefined> {
  let response;
  try {
    response = await ask("GET", "/api/terminals");
    if (response.ok) {
      const { terminals } = (await response.json()) as { terminals: unknown[] };
      return terminals.map(readTerminal);
    }
  } catch {
    return undefined;
  }
  switch (response.status) {
    case 401:
      return "signed out";
    case 403:
    case 404:
      return "forbidden";
    case 503:
      return response.headers.get("x-spaceport-error") === "SPACE_NOT_RUNNING"
        ? "not running"
        : undefined;
    default:
      return undefined;
  }
}

/** Ends a terminal. What can't be reached may still go on. */
export async function end(id: number): Promise<boolean> {
  try {
    const { ok, status } = await ask("DELETE", `/api/terminals/${id}`);
    return ok || status === 404;
  } catch {
    return false;
  }
}

/** The browser, as connections see it. */
export const browser: World = {
  open(path) {
    const socket = new WebSocket(`wss://${location.host}${path}`);
    socket.binaryType = "arraybuffer";
    return socket as ReturnType<World["open"]>;
  },
  async bar() {
    const found = await list();
    return typeof found === "string" ? found : undefined;
  },
  now: () => Date.now(),
  after(ms, act) {
    const timer = setTimeout(act, ms);
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};

function ask(method: string, path: string): Promise<Response> {
  return fetch(path, {
    method,
    headers: { accept: "application/json" },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
}
