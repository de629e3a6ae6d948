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

/** Draws entries. Whoever was at one of them stays there, or where it was. */
export function draw(place: Place, entries: readonly Entry[], deeds: Deeds): void {
  const rows = [...list.children];
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  const name = at < 0 ? undefined : (rows[at] as HTMLElement).dataset["name"];
  const up = above(place);
  list.replaceChildren(
    ...(up ? [make("li", {}, link("up", pageOf(up), "Up"))] : []),
    ...entries.map((entry) => row(place, entry, deeds)),
  );
  find(".titles").hidden = entries.length === 0;
  if (at < 0) return;
  const now = [...list.children] as HTMLElement[];
  const same = now.find((row) => row.dataset["name"] === name) ?? now[Math.min(at, now.length - 1)];
  (same?.querySelector("a, button") as HTMLElement | undefined)?.focus();
}

export function clear(): void {
  list.replaceChildren();
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
