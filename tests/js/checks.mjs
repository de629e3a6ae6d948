// Named checks, run one after the other.

import { basename } from "node:path";

const CHECK_TIMEOUT_MS = 15_000;
const KEEP_TIMEOUT_MS = 30_000;

/**
 * Runs `[name, async function]` pairs that build on each other, prints what fails, and sets the status
 * of the process. The first that fails is the last: it may go on all the same, and what follows needs
 * what it hasn't done. `keep` may keep how things are then.
 */
export async function run(checks, timeoutMs = CHECK_TIMEOUT_MS, keep = async () => {}) {
  let passed = 0;
  for (const it of checks) {
    if (!(await passes(it, timeoutMs))) {
      await within(KEEP_TIMEOUT_MS, keep()).catch(() => {});
      end(passed, checks.length, checks.length - passed - 1);
    }
    passed += 1;
  }
  end(passed, checks.length);
}

/** The same with checks of which none needs another: all are run. */
export async function runEach(checks) {
  let passed = 0;
  for (const it of checks) if (await passes(it, CHECK_TIMEOUT_MS)) passed += 1;
  end(passed, checks.length);
}

async function passes([name, check], timeoutMs) {
  try {
    await within(timeoutMs, check());
    console.log(`ok      ${name}`);
    return true;
  } catch (error) {
    console.log(`FAILED  ${name}${where(error)}: ${error?.message ?? JSON.stringify(error)}`);
    return false;
  }
}

function end(passed, count, left = 0) {
  console.log(`${passed} of ${count} passed${left > 0 ? `, ${left} not run` : ""}`);
  process.exit(passed === count ? 0 : 1);
}

/** The lines of the script itself that led to an error, the last one first. */
function where(error) {
  const script = basename(process.argv[1]);
  const [inCheck] = `${error?.stack ?? ""}`.split(/at (?:async )?passes /);
  const frames = inCheck.split("\n").filter((it) => /^ +at /.test(it));
  const lines = frames.flatMap((it) => it.split(`/${script}:`)[1]?.split(":")[0] ?? []);
  return lines.length > 0 ? ` (${script}:${lines.join(", ")})` : "";
}

/** Rejects when a promise takes longer. */
export function within(ms, promise) {
  const late = new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`took longer than ${ms} ms`)), ms).unref();
  });
  return Promise.race([promise, late]);
}

/** Throws unless both are the same JSON. */
export function equal(actual, expected) {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) throw new Error(`got ${a}, expected ${b}`);
}

/** The arguments of the command line, or its usage. */
export function args(usage, required) {
  const given = process.argv.slice(2);
  if (given.length < required) {
    console.error(`usage: node ${usage}`);
    process.exit(2);
  }
  return given;
}
