import { expect, test } from "vitest";

import { each } from "../src/together";

test("each thing is done once, and a few of them at once", async () => {
  const [done, numbers] = [[] as number[], Array.from({ length: 50 }, (_, at) => at)];
  let [now, most] = [0, 0];
  await each(numbers, async (it) => {
    most = Math.max(most, (now += 1));
    await Promise.resolve();
    now -= 1;
    done.push(it);
  });
  expect(done.sort((a, b) => a - b)).toEqual(numbers);
  expect(most).toBe(4);
});

test("after a failure nothing is begun, and it is told once all has ended", async () => {
  let [begun, underWay] = [0, 0];
  const all = each(Array.from({ length: 50 }, (_, at) => at), async (it) => {
    begun += 1;
    underWay += 1;
    for (let turn = 0; turn < it; turn += 1) await Promise.resolve();
    underWay -= 1;
    if (it === 0) throw new Error("first");
  });
  await expect(all).rejects.toThrow("first");
  expect([begun, underWay]).toEqual([4, 0]);
});
