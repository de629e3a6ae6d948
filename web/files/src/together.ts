/** Does many things, some of them at once. */

/** More at once would be in each other's way, and in that of everybody else. */
const AT_ONCE = 4;

/** Does something with each thing. After one that fails none is begun, and it fails once none is under way. */
export async function each<T>(things: readonly T[], act: (thing: T) => Promise<void>): Promise<void> {
  const left = things.values();
  const failures: unknown[] = [];
  const work = async () => {
    for (const thing of left) {
      if (failures.length > 0) return;
      await act(thing).catch((error: unknown) => failures.push(error));
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, things.length) }, work));
  if (failures.length > 0) throw failures[0];
}
