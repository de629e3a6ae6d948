// Chromium in a network that has nothing but loopback, and the way out of it.

import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { connect, createServer } from "node:net";

import { chromium } from "playwright-core";

const flags = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];

/**
 * Starts it, with `more` flags. Certificates are of a development CA that it doesn't know: pages are
 * let through by their context, and service workers by nothing but `--ignore-certificate-errors`.
 */
export async function launch(more = []) {
  const args = [...flags, ...more];
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args });
}

/**
 * Makes servers reachable through `sockets`, a folder of sockets that are named like the ports they
 * stand for. What it returns cuts all of that and mends it, or holds what the browser sends and lets it on.
 */
export async function network(sockets) {
  const open = new Set();
  let isCut = false;
  let isHeld = false;
  let [leftBytes, then] = [Infinity, () => {}];
  const count = ({ length }) => {
    leftBytes -= length;
    if (leftBytes > 0) return;
    leftBytes = Infinity;
    then();
  };
  // Nobody listens on this network yet, and its loopback is down.
  execFileSync("ip", ["link", "set", "lo", "up"]);
  for (const port of readdirSync(sockets)) {
    const server = createServer({ allowHalfOpen: true }, (near) => {
      if (isCut) return near.resetAndDestroy();
      const far = connect({ path: `${sockets}/${port}`, allowHalfOpen: true });
      far.pipe(near);
      if (isHeld) near.pause();
      else near.pipe(far);
      near.on("data", count);
      const way = { near, far };
      open.add(way);
      near.on("close", () => open.delete(way));
      for (const [one, other] of [[near, far], [far, near]]) one.on("error", () => other.destroy());
    });
    await new Promise((resolve) => server.listen(Number(port), "127.0.0.1", resolve));
  }
  return {
    /** Ends every connection, and lets none be made. */
    cut() {
      isCut = true;
      for (const { near } of open) near.destroy(new Error("cut"));
    },
    mend: () => (isCut = false),
    hold() {
      isHeld = true;
      for (const { near, far } of open) near.unpipe(far).pause();
    },
    release() {
      isHeld = false;
      for (const { near, far } of open) near.pipe(far);
    },
    /** Does something once the browser has sent so much more. */
    after: (bytes, act) => ([leftBytes, then] = [bytes, act]),
  };
}
