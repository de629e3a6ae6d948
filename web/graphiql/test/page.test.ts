import { readFileSync } from "node:fs";

import { expect, test } from "vitest";

import { headersFor } from "../src/ask";
import { storageOfTab } from "../src/storage";
import { withoutData } from "../without-data";

test("who is signed in asks, unless the headers say who does", () => {
  expect([...headersFor(undefined, "kept")]).toEqual([["authorization", "Bearer kept"]]);
  expect([...headersFor({ "x-more": 1 }, "kept")]).toEqual([["authorization", "Bearer kept"], ["x-more", "1"]]);
  expect([...headersFor({ Authorization: "Bearer written" }, "kept")]).toEqual([["authorization", "Bearer written"]]);
  expect([...headersFor(undefined, undefined)]).toEqual([]);
});

test("to clear what GraphiQL keeps leaves what is the dashboard's", () => {
  const kept = new Map([["spaceport.token", "secret"], ["graphiql:query", "{ a }"], ["graphiql:theme", "dark"]]);
  const methods = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  };
  // As a browser's, its keys are its properties.
  const tab = new Proxy(methods, {
    ownKeys: () => [...kept.keys()],
    getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }),
  }) as unknown as Storage;
  const storage = storageOfTab(tab);
  expect(storage.length).toBe(2);
  storage.clear();
  expect([...kept.keys()]).toEqual(["spaceport.token"]);
});

test("the styles are GraphiQL's without what is a `data:` address in them", () => {
  const id = "/node_modules/graphiql/dist/style.css";
  const styles = readFileSync(`.${id}`, "utf8");
  const shipped = withoutData().transform(styles, id) ?? "";
  expect(styles).toContain("data:");
  expect(shipped).not.toContain("data:");
  expect(shipped.split("{").length).toBe(shipped.split("}").length);
  expect(shipped).toContain(".graphiql-container .graphiql-logo {");
  expect(withoutData().transform(styles, "/src/style.css")).toBeUndefined();
});
