/** Draws what is in a directory. */

import { bytes } from "../../shared/bytes";
import { find, make } from "./element";
import type { Entry } from "./entry";
import { shown, textOf } from "./name";
import { above, contentOf, inside, pageOf, type Place } from "./place";

/** What people do with an entry, other than to open it. */
export interface Deeds {
  rename(entry: Entry): void;
  remove(entry: Entry): void;
}

const list = find("#entries");
const time = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });
/** The rows that are there, by what they show. */
let rows = new Map<string, HTMLLIElement>();

/** Draws entries. Whoever was at one of them stays there, or where it was. */
export function draw(place: Place, entries: readonly Entry[], deeds: Deeds): void {
  const before = [...rows.values()];
  const at = before.findIndex((row) => row.contains(document.activeElement));
  const name = before[at]?.dataset["name"];
  const wanted = new Map<string, HTMLLIElement>();
  const want = (what: unknown, make: () => HTMLLIElement) => {
    const key = JSON.stringify(what);
    wanted.set(key, rows.get(key) ?? make());
  };
  const up = above(place);
  if (up) want(up, () => make("li", {}, link("up", pageOf(up), "Up")));
  for (const entry of entries) want([place, entry], () => row(place, entry, deeds));
  replaceRows(wanted);
  find(".titles").hidden = entries.length === 0;
  if (at < 0 || list.contains(document.activeElement)) return;
  const now = [...wanted.values()];
  const same = now.find((row) => row.dataset["name"] === name) ?? now[Math.min(at, now.length - 1)];
  same?.querySelector<HTMLElement>("a, button")?.focus();
}

/** Rows that stay aren't touched: who presses one of their buttons, or has the keyboard there, goes on with that. */
function replaceRows(wanted: Map<string, HTMLLIElement>): void {
  for (const [key, row] of rows) if (!wanted.has(key)) row.remove();
  rows = wanted;
  let next = list.firstElementChild;
  for (const row of wanted.values()) {
    if (row === next) next = row.nextElementSibling;
    else list.insertBefore(row, next);
  }
}

export function clear(): void {
  replaceRows(new Map());
  find(".titles").hidden = true;
}

function row(place: Place, entry: Entry, deeds: Deeds): HTMLLIElement {
  const { kind, name, sizeBytes, changedAtMs } = entry;
  const item = make(
    "li",
    {},
    what(place, entry),
    make("span", { className: "size" }, kind === "file" ? bytes(sizeBytes) : ""),
    changed(changedAtMs),
    make(
      "span",
      { className: "deeds" },
      deed("rename", `Rename ${shown(name)}`, () => deeds.rename(entry)),
      deed("delete", `Delete ${shown(name)}`, () => deeds.remove(entry)),
    ),
  );
  item.dataset["name"] = name;
  return item;
}

function what(place: Place, { kind, name, target }: Entry): HTMLElement {
  const there = inside(place, name);
  const text = shown(name);
  switch (kind) {
    case "directory":
      return link("folder", pageOf(there), text, "folder");
    case "file": {
      const download = link("file", contentOf(there), text, "download");
      download.download = textOf(name);
      return download;
    }
    case "symlink":
      return link("link", pageOf(there), text, `leads to ${shown(target ?? "")}`);
    case "other":
      return make("span", { className: "what other" }, make("bdi", {}, text));
  }
}

/** `hint` is for who doesn't see the icon. */
function link(icon: string, href: string, text: string, hint?: string): HTMLAnchorElement {
  const more = hint === undefined ? [] : [make("span", { className: "unseen" }, `, ${hint}`)];
  return make("a", { className: `what ${icon}`, href }, make("bdi", {}, text), ...more);
}

function changed(atMs: number): HTMLElement {
  const at = new Date(atMs);
  // What the disk says may be no time at all.
  if (Number.isNaN(at.getTime())) return make("span", { className: "changed" });
  return make("time", { className: "changed", dateTime: at.toISOString() }, time.format(at));
}

function deed(icon: string, label: string, act: () => void): HTMLButtonElement {
  const button = make("button", { type: "button", className: `deed ${icon}`, title: label, ariaLabel: label });
  button.addEventListener("click", act);
  return button;
}
