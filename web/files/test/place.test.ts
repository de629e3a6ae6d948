import { expect, test } from "vitest";

import { above, contentOf, HOME, inside, isSame, pageOf, placeOf, WHOLE } from "../src/place";

test("a path of the page names a place, and others name none", () => {
  expect(placeOf("/")).toEqual(HOME);
  expect(placeOf("/browse/home")).toEqual(HOME);
  expect(placeOf("/browse/fs/")).toEqual(WHOLE);
  expect(placeOf("/browse/fs/etc//ssh/")).toEqual({ root: "fs", names: ["etc", "ssh"] });
  for (const path of ["/home/", "/fs/etc", "/browse", "/browse/", "/browse/tmp/", "/browse/homes/"]) {
    expect(placeOf(path), path).toBeUndefined();
  }
});

test("names stay as URLs spell them, all the way", () => {
  const place = inside(inside(HOME, "a%20b"), "%FF%23");
  expect(contentOf(place)).toBe("/home/a%20b/%FF%23");
  expect(placeOf(pageOf(place))).toEqual(place);
  expect(isSame(place, inside(HOME, "a%20b"))).toBe(false);
});

test("above a beginning there is nothing that the page knows of", () => {
  expect(above(inside(WHOLE, "etc"))).toEqual(WHOLE);
  expect(above(WHOLE)).toBeUndefined();
  expect(above(HOME)).toBeUndefined();
});
