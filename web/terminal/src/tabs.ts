/**
 * The tabs: one for each terminal of the space, whoever made it. Those that weren't looked at yet
 * are attached to when they are selected, so that nobody's terminal shrinks unasked.
 */

import type { World } from "./connection";
import type { Terminal } from "./protocol";
import { Session } from "./session";

/** What the page decides about. */
export interface TabsListener {
  /** Another tab is shown, or it says something else; nothing if there is none. */
  shown(tab: Tab | undefined): void;
  /** Somebody wants to end a tab's terminal. */
  closing(tab: Tab): void;
  /** A key while a terminal has the focus; whether it was for the page. */
  key(event: KeyboardEvent): boolean;
}

/** A tab. */
export interface Tab {
  /** From 1: the first that no other tab had when it came. Terminals have long ones, for programs. */
  readonly number: number;
  id: number | undefined;
  /** What was last said of its terminal, until it's attached to. */
  title: string;
  session: Session | undefined;
  readonly pane: HTMLElement;
  readonly element: HTMLElement;
  readonly button: HTMLButtonElement;
}

export class Tabs {
  /** In the order in which they stand. */
  readonly all: Tab[] = [];
  selected: Tab | undefined;

  readonly #world: World;
  readonly #listener: TabsListener;
  readonly #strip: HTMLElement;
  readonly #panes: HTMLElement;

  constructor(world: World, listener: TabsListener, strip: HTMLElement, panes: HTMLElement) {
    this.#world = world;
    this.#listener = listener;
    this.#strip = strip;
    this.#panes = panes;
    strip.addEventListener("keydown", (event) => this.#walk(event));
    new ResizeObserver(() => this.selected?.session?.placed(true)).observe(panes);
  }

  /** Adds a tab for the terminal `id`, or for a new one, without showing it. */
  add(id?: number, title = ""): Tab {
    const number = this.#freeNumber();
    const element = document.createElement("div");
    element.className = "tab";
    element.setAttribute("role", "presentation");
    const button = document.createElement("button");
    button.type = "button";
    button.id = `tab-${number}`;
    button.setAttribute("role", "tab");
    button.setAttribute("aria-controls", `pane-${number}`);
    const close = document.createElement("button");
    close.type = "button";
    close.className = "close";
    // For the mouse alone: a list of tabs may hold nothing but tabs for who doesn't see it.
    close.tabIndex = -1;
    close.ariaHidden = "true";
    close.textContent = "×";
    close.title = "End (Alt+Shift+W)";
    element.append(button, close);
    this.#strip.append(element);
    const pane = document.createElement("section");
    pane.id = `pane-${number}`;
    pane.className = "pane";
    pane.setAttribute("role", "tabpanel");
    pane.setAttribute("aria-labelledby", button.id);
    pane.hidden = true;
    this.#panes.append(pane);
    const tab: Tab = { number, id, title, session: undefined, pane, element, button };
    button.addEventListener("click", () => this.select(tab));
    close.addEventListener("click", () => this.#listener.closing(tab));
    this.all.push(tab);
    this.#draw(tab);
    return tab;
  }

  /** Shows a tab, and attaches to its terminal if that wasn't done yet. */
  select(tab: Tab, focused = true): void {
    const last = this.selected;
    this.selected = tab;
    if (last && last !== tab) {
      last.pane.hidden = true;
      last.session?.placed(false);
      this.#draw(last);
    }
    tab.pane.hidden = false;
    tab.session ??= this.#attach(tab);
    tab.session.placed(true);
    if (focused) tab.session.focus();
    this.#draw(tab);
    tab.element.scrollIntoView({ block: "nearest", inline: "nearest" });
    this.#listener.shown(tab);
  }

  /** Shows the tab `step` places further, around the end. */
  step(step: number, focused = true): void {
    const at = this.selected ? this.all.indexOf(this.selected) : -1;
    const tab = this.all[(at + step + this.all.length) % this.all.length];
    if (tab) this.select(tab, focused);
    if (!focused) tab?.button.focus();
  }

  /** Takes a tab away, unless its terminal's end has done so before. */
  remove(tab: Tab): void {
    const at = this.all.indexOf(tab);
    if (at < 0) return;
    this.all.splice(at, 1);
    tab.session?.close();
    tab.pane.remove();
    tab.element.remove();
    if (this.selected !== tab) return;
    this.selected = undefined;
    const next = this.all[at] ?? this.all[at - 1];
    if (next) this.select(next);
    else this.#listener.shown(undefined);
  }

  /** Follows what terminals there are. What is shown here stays until it's closed here. */
  follow(terminals: Terminal[]): void {
    for (const { id, title } of terminals) {
      const tab = this.all.find((it) => it.id === id);
      if (!tab) this.add(id, title);
      else if (!tab.session) this.#retitle(tab, title);
    }
    const gone = (tab: Tab) => !tab.session && !terminals.some(({ id }) => id === tab.id);
    for (const tab of this.all.filter(gone)) this.remove(tab);
  }

  /** Moves the focus to the tabs, and out of a terminal that takes every key. */
  focus(): void {
    this.selected?.button.focus();
  }

  #attach(tab: Tab): Session {
    const listener = {
      named: (session: Session) => {
        tab.id = session.connection.id;
        this.#removeTwins(tab);
        this.#draw(tab);
        if (tab === this.selected) this.#listener.shown(tab);
      },
      changed: (session: Session) => this.#retitle(tab, session.title),
      key: (event: KeyboardEvent) => this.#listener.key(event),
    };
    return new Session(this.#world, listener, tab.pane, tab.id);
  }

  /** A list may have told of a new terminal before its own connection did. */
  #removeTwins(tab: Tab): void {
    const isTwin = (it: Tab) => it !== tab && it.id === tab.id && !it.session;
    for (const twin of this.all.filter(isTwin)) this.remove(twin);
  }

  #freeNumber(): number {
    const taken = new Set(this.all.map((tab) => tab.number));
    let number = 1;
    while (taken.has(number)) number += 1;
    return number;
  }

  #retitle(tab: Tab, title: string): void {
    tab.title = title;
    this.#draw(tab);
    if (tab === this.selected) this.#listener.shown(tab);
  }

  #draw(tab: Tab): void {
    const isSelected = tab === this.selected;
    const label = labelOf(tab);
    tab.button.textContent = label;
    tab.button.title = label;
    tab.button.setAttribute("aria-selected", String(isSelected));
    // One stop for the Tab key; the arrow keys go on from there.
    tab.button.tabIndex = isSelected ? 0 : -1;
    tab.element.dataset.state = tab.session?.connection.state.is ?? "left";
  }

  /** The keys of a list of tabs (ARIA Authoring Practices, Tabs). */
  #walk(event: KeyboardEvent): void {
    const last = this.all.length - 1;
    const at = this.selected ? this.all.indexOf(this.selected) : 0;
    switch (event.key) {
      case "ArrowLeft":
        this.step(-1, false);
        break;
      case "ArrowRight":
        this.step(1, false);
        break;
      case "Home":
        this.step(-at, false);
        break;
      case "End":
        this.step(last - at, false);
        break;
      case "Delete":
        if (this.selected) this.#listener.closing(this.selected);
        break;
      case "Enter":
      case " ":
        this.selected?.session?.focus();
        break;
      default:
        return;
    }
    event.preventDefault();
  }
}

/** What a tab is called. */
export function labelOf(tab: Tab): string {
  return tab.title || (tab.id === undefined ? "New terminal" : `Terminal ${tab.number}`);
}
