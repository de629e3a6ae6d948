import { expect, test } from "vitest";

import { inputOf, longestName, nameProblem, newKey, valueProblem, type Draft, type Variable } from "../src/create/draft";
import { lacks, preview } from "../src/create/preview";

const variable = (name: string, preset: string | null, secret = false): Variable => ({
  name,
  default: preset,
  secret,
  description: "",
});

test("names are what the API takes", () => {
  for (const name of ["a", "lab", "lab-2", "0", "a".repeat(51)]) expect(nameProblem(name, 51), name).toBeUndefined();
  for (const name of ["", "Lab", "lab_2", "-lab", "lab-", "la--b", "ä", "a".repeat(52)]) {
    expect(nameProblem(name, 51), name).toBeDefined();
  }
});

test("a name is as long as the hostnames of its owner's apps allow", () => {
  expect(longestName("ada")).toBe(51);
  expect(`files--${"a".repeat(longestName("ada"))}--ada`).toHaveLength(63);
  expect(nameProblem("a".repeat(51), longestName("grace"))).toBe("At most 49 characters.");
});

test("only a value without a default is required", () => {
  expect(valueProblem(variable("BRANCH", "main"), undefined)).toBeUndefined();
  expect(valueProblem(variable("BRANCH", "main"), "")).toBeUndefined();
  expect(valueProblem(variable("TOKEN", null, true), "")).toBeDefined();
  expect(valueProblem(variable("TOKEN", null, true), "x")).toBeUndefined();
});

test("what equals its default isn't sent, and what was emptied is", () => {
  const draft: Draft = {
    templateId: "template_1",
    name: "lab",
    description: "",
    start: true,
    values: { BRANCH: "main", COLOUR: "", TOKEN: "x", STALE: "of another template" },
  };
  const variables = [variable("BRANCH", "main"), variable("COLOUR", "red"), variable("TOKEN", null, true)];
  expect(inputOf(draft, variables).parameters).toEqual([
    { name: "COLOUR", value: "" },
    { name: "TOKEN", value: "x" },
  ]);
});

test("a key is never the same twice", () => {
  expect(new Set(Array.from({ length: 100 }, newKey)).size).toBe(100);
});

test("what would pass a limit is said beforehand, and nothing else", () => {
  const usage = (used: number, limit: number | null) => ({ used, limit });
  const quota = { spaces: usage(1, 2), storageUnits: usage(8, 10), computeUnits: usage(4, null), tunnels: usage(0, 0) };
  const refused = (units: { computeUnits: number; storageUnits: number }, spaces = quota.spaces) =>
    preview({ ...quota, spaces }, units).flatMap(({ resource, lack }) => (lack ? resource : []));
  expect(refused({ computeUnits: 100, storageUnits: 2 })).toEqual([]);
  expect(refused({ computeUnits: 1, storageUnits: 3 })).toEqual(["Storage"]);
  expect(refused({ computeUnits: 1, storageUnits: 0 }, usage(2, 2))).toEqual(["Spaces"]);
  // Over a limit that was lowered, what takes nothing more isn't refused.
  const over = preview({ ...quota, storageUnits: usage(20, 10) }, { computeUnits: 1, storageUnits: 0 });
  expect(lacks(over, true)).toEqual([]);
});

test("what a space takes only while it runs is in nobody's way who doesn't start it", () => {
  const full = { used: 2, limit: 2 };
  const free = { used: 0, limit: null };
  const quota = { spaces: free, storageUnits: free, computeUnits: full, tunnels: free };
  const takings = preview(quota, { computeUnits: 1, storageUnits: 1 });
  expect(lacks(takings, true)).toEqual(["Your quota of 2 compute units doesn’t suffice: 2 in use, 1 more wanted."]);
  expect(lacks(takings, false)).toEqual([]);
});
