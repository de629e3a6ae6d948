// Named checks, run one after the other.

const CHECK_TIMEOUT_MS = 15_000;
const KEEP_TIMEOUT_MS = 30_000;

/**
 * Runs `[name, async function]` pairs, prints what fails, and sets the status of the process. After
 * the first that fails, `keep` may keep how things are.
 */
export async function run(checks, timeoutMs = CHECK_TIMEOUT_MS, keep = async () => {}) {
  let failed = 0;
  for (const [name, check] of checks) {
    try {
      await within(timeoutMs, check());
      console.log(`ok      ${name}`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED  ${name}: ${error?.message ?? JSON.stringify(error)}`);
      if (failed === 1) await within(KEEP_TIMEOUT_MS, keep()).catch(() => {});
    }
  }
  console.log(`${checks.length - failed} of ${checks.length} passed`);
  process.exit(failed === 0 ? 0 : 1);
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
