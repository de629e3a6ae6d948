/** What a space would take of the viewer's quota. */

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
  /** Whether that would be refused as things are. */
  isRefused: boolean;
}

interface Units {
  computeUnits: number;
  storageUnits: number;
}

export function preview(quota: Quota, { computeUnits, storageUnits }: Units): Taking[] {
  const taking = (
    resource: string,
    unit: string,
    more: number,
    { used, limit }: Quota["spaces"],
    when: Taking["when"],
  ): Taking => ({ resource, unit, more, used, limit, when, isRefused: limit !== null && more > 0 && used + more > limit });
  return [
    taking("Spaces", "", 1, quota.spaces, "on creation"),
    taking("Storage", "GiB", storageUnits, quota.storageUnits, "on creation"),
    taking("Compute", "unit", computeUnits, quota.computeUnits, "while it runs"),
  ];
}
