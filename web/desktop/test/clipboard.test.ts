import { beforeEach, describe, expect, test } from "vitest";

import { Clipboard } from "../src/clipboard";
import { settle } from "./world";

/** A browser's clipboard, which a test fills and locks, and its clock. */
class FakeBrowser {
  text = "";
  isReadable = true;
  isWritable = true;
  nowMs = 1_000_000;

  mayRead(): Promise<boolean> {
    return Promise.resolve(this.isReadable);
  }

  read(): Promise<string> {
    return this.isReadable ? Promise.resolve(this.text) : Promise.reject(new Error("denied"));
  }

  write(text: string): Promise<void> {
    if (!this.isWritable) return Promise.reject(new Error("denied"));
    this.text = text;
    return Promise.resolve();
  }

  now(): number {
    return this.nowMs;
  }
}

let browser: FakeBrowser;
let sent: string[];
let shown: string[];
let clipboard: Clipboard;

beforeEach(() => {
  browser = new FakeBrowser();
  sent = [];
  shown = [];
  clipboard = new Clipboard(browser, {
    toDesktop: (text) => sent.push(text),
    changed: (text) => shown.push(text),
  });
});

describe("what is copied on the desktop", () => {
  test("is in the browser when somebody has just done something there, and doesn't go back", async () => {
    await clipboard.share();
    clipboard.acted();
    browser.nowMs += 5_000;
    await clipboard.copied("there");
    await clipboard.follow();
    expect([browser.text, shown, sent]).toEqual(["there", ["there"], []]);
  });

  test("is in the panel alone when nobody has, or long ago", async () => {
    browser.text = "mine";
    await clipboard.copied("unasked");
    clipboard.acted();
    browser.nowMs += 5_001;
    await clipboard.copied("late");
    expect([browser.text, shown]).toEqual(["mine", ["unasked", "late"]]);
  });

  test("is never written later over what was copied elsewhere", async () => {
    browser.isWritable = false;
    clipboard.acted();
    await clipboard.copied("there");
    Object.assign(browser, { text: "mine", isWritable: true });
    clipboard.acted();
    await clipboard.follow();
    await clipboard.share();
    expect([browser.text, shown]).toEqual(["mine", ["there", "mine"]]);
  });

  test("is in the browser again when somebody copies it again, and not when it is said again", async () => {
    clipboard.acted();
    await clipboard.copied("there");
    browser.text = "mine";
    await clipboard.copied("there");
    expect([browser.text, shown]).toEqual(["mine", ["there"]]);
    clipboard.acted();
    await clipboard.copied("there");
    expect([browser.text, shown]).toEqual(["there", ["there"]]);
  });

  test("is not replaced by what the browser had before, shared or not", async () => {
    browser.text = "old";
    await clipboard.share();
    await clipboard.copied("new");
    await clipboard.follow();
    expect([clipboard.text, sent]).toEqual(["new", ["old"]]);
    let answer = (_: string) => {};
    browser.read = () => new Promise((resolve) => (answer = resolve));
    const following = clipboard.follow();
    await settle();
    await clipboard.copied("newer");
    answer("other");
    await following;
    expect([clipboard.text, sent]).toEqual(["newer", ["old"]]);
  });
});

describe("what is copied in the browser", () => {
  test("is on the desktop while it is shared, once", async () => {
    browser.text = "secret";
    clipboard.acted();
    await clipboard.follow();
    expect([sent, shown]).toEqual([[], []]);
    browser.text = "here";
    expect(await clipboard.share()).toBe(true);
    await clipboard.follow();
    clipboard.keep();
    browser.text = "secret";
    await clipboard.follow();
    expect([sent, shown, clipboard.isShared]).toEqual([["here"], ["here"], false]);
  });

  test("is shared again where it was, once somebody does something on the desktop", async () => {
    browser.text = "here";
    clipboard.shareOn();
    await settle();
    expect(sent).toEqual([]);
    clipboard.acted();
    await settle();
    expect(sent).toEqual(["here"]);
  });

  test("isn't shared where the browser doesn't let us read, or while it is turned off", async () => {
    Object.assign(browser, { text: "secret", isReadable: false });
    expect(await clipboard.share()).toBe(false);
    expect(clipboard.isShared).toBe(false);
    browser.isReadable = true;
    let answer = (_: string) => {};
    browser.read = () => new Promise((resolve) => (answer = resolve));
    const sharing = clipboard.share();
    clipboard.keep();
    answer("secret");
    await sharing;
    expect([sent, shown]).toEqual([[], []]);
  });

  test("isn't written back when the desktop says it again", async () => {
    browser.text = "here";
    await clipboard.share();
    browser.text = "mine";
    clipboard.acted();
    await clipboard.copied("here");
    expect(browser.text).toBe("mine");
  });
});

describe("a desktop that is connected to anew", () => {
  test("gets what was written for it by hand, and what it had copied", async () => {
    clipboard.renew();
    clipboard.wrote("by hand");
    clipboard.renew();
    await clipboard.copied("its own");
    clipboard.renew();
    expect(sent).toEqual(["by hand", "by hand", "its own"]);
  });

  test("gets nothing of the browser's until somebody comes to work there", async () => {
    browser.text = "here";
    await clipboard.share();
    clipboard.renew();
    expect([sent, shown]).toEqual([["here"], ["here", ""]]);
    await clipboard.follow();
    expect([sent, shown]).toEqual([["here", "here"], ["here", "", "here"]]);
  });
});

test("what is too long goes nowhere", async () => {
  const long = "x".repeat((1 << 20) + 1);
  clipboard.wrote(long);
  clipboard.acted();
  await clipboard.copied(long);
  browser.text = long;
  await clipboard.share();
  expect([sent, shown, clipboard.text]).toEqual([[], [], ""]);
});
