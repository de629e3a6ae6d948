/** The page: which tabs there are, what their keys do, and what happens when they are closed. */

import "@xterm/xterm/css/xterm.css";
import "../../shared/look.css";
import "./style.css";

import { closed, inTurn } from "../../shared/dialog";
import type { Bar } from "./connection";
import { browser, end, list } from "./directory";
import * as memory from "./memory";
import type { Terminal } from "./protocol";
import { labelOf, Tabs, type Tab } from "./tabs";

/** How often the page looks which terminals there are, while somebody sees it. */
const LOOK_INTERVAL_MS = 10_000;
/** After so many looks that reached nobody, open connections are made anew: nobody may hear them. */
const LOST_LOOKS = 2;

const element = <E extends HTMLElement>(id: string) => document.getElementById(id) as E;
const dialog = element<HTMLDialogElement>("confirm");

const tabs = new Tabs(
  browser,
  {
    shown(tab) {
      document.title = tab ? labelOf(tab) : "Terminal";
      if (tab?.id !== undefined) memory.show(tab.id);
    },
    closing: (tab) => void close(tab),
    key,
  },
  element("tabs"),
  element("panes"),
);

/** Ends the terminal that is shown. */
function closeShown(): void {
  if (tabs.selected) void close(tabs.selected);
}

/** Those that are about to be ended, or asked about. */
const closing = new Set<Tab>();

/** Ends a terminal, once. */
async function close(tab: Tab): Promise<void> {
  if (closing.has(tab)) return;
  closing.add(tab);
  try {
    await closeOrKeep(tab);
  } finally {
    closing.delete(tab);
  }
}

/** Where others would lose something by it, or may, somebody is asked first. */
async function closeOrKeep(tab: Tab): Promise<void> {
  // One that is just being made would go on without a tab.
  const id = tab.id ?? (await tab.session?.connection.named());
  if (id === undefined || tab.session?.connection.state.is === "ended") return remove(tab);
  const found = await list();
  if (found === "not running") return remove(tab);
  let reasons = reasonsToKeep(tab, found);
  do {
    if (reasons.length > 0 && !(await confirmed(tab, reasons))) return tab.session?.focus();
    reasons = ["It couldn't be ended just now."];
  } while (!(await end(id)));
  remove(tab);
}

/** Takes a tab away, also for a list that was asked for before and may have its terminal still. */
function remove(tab: Tab): void {
  lastLook += 1;
  tabs.remove(tab);
}

function reasonsToKeep(tab: Tab, found: Terminal[] | Bar | undefined): string[] {
  if (!found) return ["It isn't known whether something runs in it."];
  // Who is barred from the list is barred from ending anything.
  const terminal = Array.isArray(found) && found.find(({ id }) => id === tab.id);
  if (!terminal) return [];
  const others = terminal.viewers - (tab.session ? 1 : 0);
  return [
    ...(terminal.busy ? ["Something runs in it."] : []),
    ...(others > 0 ? ["Somebody else looks at it."] : []),
  ];
}

function confirmed(tab: Tab, reasons: string[]): Promise<boolean> {
  return inTurn(async () => {
    element("question").textContent = `${reasons.join(" ")} End ${labelOf(tab)}?`;
    dialog.returnValue = "cancel";
    dialog.showModal();
    await closed(dialog);
    return dialog.returnValue === "end";
  });
}

/** The page's own keys, of which no program in a terminal hears. */
function key(event: KeyboardEvent): boolean {
  if (!event.altKey || !event.shiftKey || event.ctrlKey || event.metaKey) return false;
  const act = {
    KeyN: () => tabs.select(tabs.add()),
    KeyW: closeShown,
    KeyT: () => tabs.focus(),
    ArrowLeft: () => tabs.step(-1),
    ArrowRight: () => tabs.step(1),
  }[event.code];
  if (!act) return false;
  event.preventDefault();
  if (event.type === "keydown") act();
  return true;
}

let lostLooks = 0;
/** Numbers looks, of which only the last is followed. */
let lastLook = 0;

/** Looks which terminals there are. */
async function look(): Promise<void> {
  const number = ++lastLook;
  const found = await list();
  lostLooks = found === undefined ? lostLooks + 1 : 0;
  if (Array.isArray(found) && number === lastLook) tabs.follow(found);
  if (lostLooks === LOST_LOOKS) each((tab) => tab.session?.connection.suspect());
}

function each(act: (tab: Tab) => void): void {
  tabs.all.forEach(act);
}

/** Shows what was shown before; else what somebody left behind; else a new terminal. */
async function begin(): Promise<void> {
  const found = await list();
  const shown = memory.shown();
  // Whether it is there still is for its connection to find out, which tries until it can.
  if (!Array.isArray(found)) return tabs.select(tabs.add(shown));
  tabs.follow(found);
  const left = found.find(({ viewers }) => viewers === 0);
  const id = found.some((it) => it.id === shown) ? shown : left?.id;
  tabs.select(tabs.all.find((tab) => tab.id === id) ?? tabs.add());
}

element("new").addEventListener("click", () => tabs.select(tabs.add()));
element("end").addEventListener("click", closeShown);
document.addEventListener("keydown", (event) => {
  // Keys that a terminal got were judged there.
  if (!(event.target as Element).closest(".pane")) key(event);
});
window.addEventListener("offline", () => each((tab) => tab.session?.connection.suspect()));
const hurry = () => each((tab) => tab.session?.connection.hurry());
window.addEventListener("online", hurry);
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  hurry();
  void look();
});
setInterval(() => {
  if (!document.hidden) void look();
}, LOOK_INTERVAL_MS);

void begin();
