/** The page: the desktop, the buttons above it, and what is said while it isn't there. */

import "../../shared/look.css";
import "./style.css";

import { Clipboard } from "./clipboard";
import { Connection, type State } from "./connection";
import { look } from "./edge";
import { COMBINATIONS } from "./keys";
import { messageOf } from "./messages";
import { Panels } from "./panels";
import { Screen } from "./screen";
import { offerSharing } from "./sharing";

/** How often the page looks whether the way is open, while somebody sees it. */
const LOOK_INTERVAL_MS = 10_000;
/** After so many looks that reached nobody, the connection is made anew: nobody may hear it. */
const LOST_LOOKS = 2;
/** How often a wait is counted down. */
const COUNT_INTERVAL_MS = 1000;
/** An interruption that is shorter isn't worth a word. */
const UNTOLD_MS = 800;

const element = <E extends HTMLElement>(id: string) => document.getElementById(id) as E;
const notice = element("notice");
const words = element("words");
const way = element<HTMLButtonElement>("way");
const text = element<HTMLTextAreaElement>("text");
const typing = element<HTMLTextAreaElement>("typing");

let screen: Screen | undefined;
/** Since when the desktop isn't there, in milliseconds. */
let awaySinceMs = Date.now();
let hasBeenOpen = false;

const panels = new Panels({ clipboard: element("clipboard"), keys: element("keys") }, () => screen?.focus());

const clipboard = new Clipboard(
  {
    async mayRead() {
      const name = "clipboard-read" as PermissionName;
      return (await navigator.permissions.query({ name })).state === "granted" && document.hasFocus();
    },
    read: () => navigator.clipboard.readText(),
    write: (it) => navigator.clipboard.writeText(it),
    now: () => Date.now(),
  },
  {
    toDesktop: (it) => screen?.paste(it),
    changed: (it) => void (text.value = it),
  },
);

const connection = new Connection(
  {
    open(listener) {
      screen = new Screen(element("screen"), {
        ...listener,
        named(name) {
          element("name").textContent = name;
          document.title = name || "Desktop";
        },
        copied: (it) => void clipboard.copied(it),
      });
      return screen;
    },
    look: async () => (await look()).found,
    now: () => Date.now(),
    after(ms, act) {
      const timer = setTimeout(act, ms);
      return () => clearTimeout(timer);
    },
    random: () => Math.random(),
  },
  changed,
);

function changed(state: State): void {
  const isOpen = state.is === "open";
  document.body.dataset.state = state.is;
  for (const button of document.querySelectorAll<HTMLButtonElement>("#combinations button")) {
    button.disabled = !isOpen;
  }
  if (!isOpen) {
    if (notice.hidden && hasBeenOpen) awaySinceMs = Date.now();
    setTimeout(tell, UNTOLD_MS);
  } else {
    hasBeenOpen = true;
    clipboard.renew();
    // Whoever works with the buttons meanwhile goes on there.
    if (document.activeElement === document.body || document.activeElement === way) screen?.focus();
  }
  tell();
}

/** Says how it is, unless it has only just begun to be so. */
function tell(): void {
  const { state } = connection;
  const message = messageOf(state, Date.now());
  const isNew = hasBeenOpen && Date.now() - awaySinceMs < UNTOLD_MS && state.is !== "barred";
  notice.hidden = !message || (isNew && notice.hidden);
  if (!message || notice.hidden) return;
  if (words.textContent !== message.words) words.textContent = message.words;
  way.hidden = !message.way;
  way.textContent = message.way?.label ?? "";
  way.onclick = () => (message.way?.does === "reload" ? location.reload() : connection.hurry());
}

for (const combination of COMBINATIONS) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = combination.label;
  button.addEventListener("click", () => {
    clipboard.acted();
    screen?.press(combination);
  });
  element("combinations").append(button);
}

element("again").addEventListener("click", () => connection.connect());
text.addEventListener("input", () => clipboard.wrote(text.value));
void offerSharing(clipboard, element("share"), element("shared"));
window.addEventListener("focus", () => void clipboard.follow());

let isPressed = false;
element("screen").addEventListener("pointerdown", () => {
  isPressed = true;
  clipboard.acted();
  panels.close();
  void clipboard.follow();
});
// What was begun on the desktop may end beside it.
window.addEventListener("pointerup", () => {
  if (isPressed) clipboard.acted();
  isPressed = false;
});
// noVNC lets nobody behind it hear of keys.
element("screen").addEventListener("keydown", () => clipboard.acted(), { capture: true });
typing.addEventListener("beforeinput", () => clipboard.acted());

const full = element<HTMLButtonElement>("full");
full.hidden = !document.fullscreenEnabled;
full.addEventListener("click", () => {
  const turned = document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen();
  // A browser that refuses says so itself, or not at all; the button stays as it was.
  turned.catch(() => {});
  screen?.focus();
});
document.addEventListener("fullscreenchange", () => {
  full.setAttribute("aria-pressed", String(document.fullscreenElement !== null));
});

// A finger has no keyboard until something wants to be written in.
element("keyboard").hidden = !matchMedia("(any-pointer: coarse)").matches;
element("keyboard").addEventListener("click", () => typing.focus());
typing.addEventListener("beforeinput", (event) => {
  if (screen?.edit(event.inputType)) return event.preventDefault();
  // What is composed comes in one piece, at its end.
  if (event.isComposing || !event.data) return;
  screen?.type(event.data);
  event.preventDefault();
});
typing.addEventListener("compositionend", ({ data }) => {
  screen?.type(data);
  typing.value = "";
});

// The one key of which the desktop doesn't hear: no page keeps a keyboard for good.
window.addEventListener(
  "keydown",
  (event) => {
    if (event.code !== "KeyT" || !event.altKey || !event.shiftKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (screen?.hasFocus) element("clipboard").focus();
    else screen?.focus();
  },
  { capture: true },
);

let lostLooks = 0;
setInterval(async () => {
  if (document.hidden) return;
  const { reached } = await look();
  lostLooks = reached ? 0 : lostLooks + 1;
  if (lostLooks === LOST_LOOKS) connection.suspect();
}, LOOK_INTERVAL_MS);
setInterval(tell, COUNT_INTERVAL_MS);
window.addEventListener("offline", () => connection.suspect());
window.addEventListener("online", () => connection.hurry());
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) connection.hurry();
});

connection.connect();
