/** What a space would take of the viewer's quota. */

import { lackOf } from "../forms/problems";
import type { Quota } from "../spaces/space";

export interface Taking {
  resource: string;
  unit: string;
  /** What it takes. */
  more: number;
  /** What is in use, and may be. */
  used: number;
  limit: number | null;
  /** When it takes it. */
  when: "on creation" | "while it runs";
  /** Which limit that would pass as things are, in words. */
  lack: string | undefined;
}

/** Whether it would be refused now: what is taken only while a space runs bars nobody who doesn't start it. */
export function isBarred({ lack, when }: Taking, startsAtOnce: boolean): boolean {
  return lack !== undefined && (startsAtOnce || when === "on creation");
}

interface Units {
  computeUnits: number;
  storageUnits: number;
}

const TITLES = { SPACES: "Spaces", STORAGE_UNITS: "Storage", COMPUTE_UNITS: "Compute" } as const;

export function preview(quota: Quota, { computeUnits, storageUnits }: Units): Taking[] {
  const taking = (
    resource: keyof typeof TITLES,
    unit: string,
    more: number,
    { used, limit }: Quota["spaces"],
    when: Taking["when"],
  ): Taking => {
    const passes = limit !== null && more > 0 && used + more > limit;
    const lack = passes ? lackOf({ resource, limit, used, requested: more }) : undefined;
    return { resource: TITLES[resource], unit, more, used, limit, when, lack };
  };
  return [
    taking("SPACES", "", 1, quota.spaces, "on creation"),
    taking("STORAGE_UNITS", "GiB", storageUnits, quota.storageUnits, "on creation"),
    taking("COMPUTE_UNITS", "unit", computeUnits, quota.computeUnits, "while it runs"),
  ];
}

/** Why it would be refused now, if it would. */
export function lacks(takings: readonly Taking[], startsAtOnce: boolean): string[] {
  return takings.filter((it) => isBarred(it, startsAtOnce)).flatMap(({ lack }) => lack ?? []);
}
