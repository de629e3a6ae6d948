import { beforeEach, expect, test } from "vitest";

import { Clipboard } from "../src/clipboard";
import { settle } from "./world";

/** A browser's clipboard, which a test fills and locks. */
class FakeBrowser {
  text = "";
  isReadable = true;
  isWritable = true;

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

test("what is copied on the desktop is in the browser, and doesn't go back", async () => {
  await clipboard.copied("there");
  await clipboard.follow();
  expect([browser.text, shown, sent]).toEqual(["there", ["there"], []]);
});

test("what is copied in the browser is on the desktop, once", async () => {
  browser.text = "here";
  await clipboard.follow();
  await clipboard.follow();
  expect([sent, shown]).toEqual([["here"], ["here"]]);
});

test("what the browser doesn't take is kept until it does, and not replaced by what it has", async () => {
  Object.assign(browser, { text: "old", isWritable: false });
  await clipboard.copied("new");
  await clipboard.follow();
  expect([browser.text, sent]).toEqual(["old", []]);
  browser.isWritable = true;
  await clipboard.follow();
  expect([browser.text, sent]).toEqual(["new", []]);
});

test("what is copied on the desktop while the browser is read is not replaced by what it had", async () => {
  browser.text = "old";
  let answer = (_: string) => {};
  browser.read = () => new Promise((resolve) => (answer = resolve));
  const following = clipboard.follow();
  await settle();
  await clipboard.copied("new");
  answer("old");
  await following;
  expect([clipboard.text, browser.text, sent]).toEqual(["new", "new", []]);
});

test("a browser that lets nobody read is asked by hand alone", async () => {
  Object.assign(browser, { text: "secret", isReadable: false });
  await clipboard.follow();
  expect(await clipboard.share()).toBe(false);
  clipboard.wrote("by hand");
  expect(sent).toEqual(["by hand"]);
});

test("a desktop that is connected to anew gets what the last one had", async () => {
  clipboard.renew();
  clipboard.wrote("kept");
  clipboard.renew();
  expect(sent).toEqual(["kept", "kept"]);
});

test("what is too long goes nowhere", async () => {
  const long = "x".repeat((1 << 20) + 1);
  clipboard.wrote(long);
  await clipboard.copied(long);
  browser.text = long;
  await clipboard.follow();
  expect([sent, shown, clipboard.text]).toEqual([[], [], ""]);
});
