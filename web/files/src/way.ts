/** Draws where somebody is, and the way there. */

import { find, make } from "./element";
import { shown } from "./name";
import { pageOf, type Place } from "./place";

const BEGINNINGS = { home: { link: find("#home"), label: "Home" }, fs: { link: find("#whole"), label: "All files" } };

/** The space's name, which the hostname has: `files--lab--ada.apps.example`. */
const [, space = ""] = location.hostname.split("--");
find("#space").textContent = space;

/** What a place is called. */
export function called({ root, names }: Place): string {
  const last = names.at(-1);
  return last === undefined ? BEGINNINGS[root].label : shown(last);
}

export function draw(place: Place): void {
  const { root, names } = place;
  for (const { link } of Object.values(BEGINNINGS)) link.removeAttribute("aria-current");
  BEGINNINGS[root].link.setAttribute("aria-current", "true");
  const places = [...Array(names.length + 1).keys()].map((length) => ({ root, names: names.slice(0, length) }));
  find("#way").replaceChildren(...places.map((it) => make("li", {}, step(it, it.names.length === names.length))));
  find("#here").textContent = called(place);
  document.title = `${called(place)} · ${space}`;
}

function step(place: Place, isLast: boolean): HTMLElement {
  const text = make("bdi", {}, called(place));
  if (!isLast) return make("a", { href: pageOf(place) }, text);
  const here = make("span", {}, text);
  here.setAttribute("aria-current", "page");
  return here;
}
