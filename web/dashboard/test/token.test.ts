import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { forget, keep, read } from "../../shared/token";

/** What a browser keeps for a tab, or for all. */
function storage() {
  const kept = new Map<string, string>();
  return {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  };
}

beforeEach(() => {
  vi.stubGlobal("localStorage", storage());
  vi.stubGlobal("sessionStorage", storage());
});

afterEach(() => vi.unstubAllGlobals());

test("who signs out is out, whether the token was kept beyond the tab or not", () => {
  for (const beyondTab of [false, true]) {
    keep("mine", beyondTab);
    expect(read()).toBe("mine");
    forget("mine");
    expect(read()).toBeUndefined();
  }
});

test("a tab that learns late that its sign-in has ended leaves that of another one alone", () => {
  keep("ended", true);
  keep("new", true);
  forget("ended");
  expect(read()).toBe("new");
});

test("a sign-in for one tab is that tab's alone, and leaves what all tabs keep", () => {
  keep("of all", true);
  keep("of this tab", false);
  expect(read()).toBe("of this tab");
  forget("of this tab");
  expect(read()).toBe("of all");
});
