// What only whoever started a script can do, or see.

import { createInterface } from "node:readline";

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** Asks for it, and waits until it is done. */
export async function please(request) {
  console.log(`please ${request}`);
  await answers.next();
}
