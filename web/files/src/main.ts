/** The page: where somebody is among the files of the space, and what they do there. */

import "../../shared/look.css";
import "./style.css";

import { bytes } from "../../shared/bytes";
import { turns } from "../../shared/dialog";
import { look, makeDirectory, move, remove, type Found } from "./agent";
import { bring } from "./bring";
import { counted } from "./counted";
import { isAsking, isSure, named, say } from "./dialogs";
import { acceptFiles } from "./drop";
import { find, make } from "./element";
import { sorted, type Entry } from "./entry";
import { Failure } from "./failure";
import * as listing from "./listing";
import { shown, spelled, textOf } from "./name";
import { above, contentOf, HOME, inside, isSame, pageOf, placeOf, type Place } from "./place";
import { released } from "./press";
import * as tree from "./tree";
import { Uploads } from "./uploads";
import * as way from "./way";

const notice = find("#notice");
const sum = find("#sum");
const buttons = ["#make", "#bring-folder", "#bring"].map((it) => find<HTMLButtonElement>(it));

let place = placeOf(location.pathname) ?? HOME;
/** What is there; nothing unless it is a directory that was seen. */
let entries: Entry[] | undefined;
/** What is asked last is shown: nobody waits for what was asked before. */
let asking = new AbortController();

const uploads = new Uploads((directories) => {
  if (directories.some((it) => isSame(it, place))) void show();
});

/** Goes somewhere. */
function go(to: Place): void {
  place = to;
  entries = undefined;
  for (const button of buttons) button.disabled = true;
  listing.clear();
  notice.hidden = true;
  sum.textContent = "";
  window.scrollTo(0, 0);
  void show();
  // Whoever goes on from here is somewhere by the time that all is seen.
  find("#main").focus({ preventScroll: true });
}

/** Shows what is where somebody is now. */
async function show(): Promise<void> {
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  way.draw(place);
  document.body.dataset["state"] = "looking";
  let found: Found | Failure;
  try {
    found = await look(place, signal);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    found = error;
  }
  await released();
  if (signal.aborted) return;
  document.body.dataset["state"] = "shown";
  entries = "entries" in found ? sorted(found.entries) : undefined;
  for (const button of buttons) button.disabled = entries === undefined;
  notice.hidden = entries !== undefined && entries.length > 0;
  if (found instanceof Failure) fail(found);
  else if (found.is === "file") offer(found.sizeBytes);
  else list(found.lacking);
}

function list(lacking: string | undefined): void {
  const all = entries ?? [];
  listing.draw(place, all, { rename: (it) => void rename(it), remove: (it) => void removeEntry(it) });
  if (all.length === 0) notice.replaceChildren(make("p", {}, "This folder is empty. Drop files or folders here, or use the buttons above."));
  const folders = all.filter(({ kind }) => kind === "directory").length;
  const counts = [counted(folders, "folder"), counted(all.length - folders, "file")].filter((it) => !it.startsWith("0 "));
  sum.textContent = [counts.join(", "), ...(lacking === undefined ? [] : [lacking])].filter(Boolean).join(". ");
}

/** Says why nothing is seen, and leads on. */
function fail({ message, reach }: Failure): void {
  listing.clear();
  sum.textContent = "";
  const isForAll = reach === "page";
  const again = make("button", { type: "button" }, isForAll ? "Go on" : "Look again");
  // Loaded anew, the page is led to the sign-in, or told more.
  again.addEventListener("click", () => (isForAll ? location.reload() : void show()));
  const words = make("p", {}, message);
  words.setAttribute("role", "alert");
  const up = above(place);
  notice.replaceChildren(words, again, ...(up ? [make("a", { href: pageOf(up) }, "Up")] : []));
}

/** Offers a file, to which a link has led, or somebody's bookmark. */
function offer(sizeBytes: number): void {
  listing.clear();
  sum.textContent = "";
  const name = textOf(place.names.at(-1) ?? "");
  const download = make("a", { href: contentOf(place), className: "button", download: name }, "Download");
  notice.replaceChildren(make("p", {}, `This is a file of ${bytes(sizeBytes)}.`), download);
}

async function rename(entry: Entry): Promise<void> {
  // Whoever goes elsewhere meanwhile, by the browser's own ways, has still been asked about this.
  const directory = place;
  const before = textOf(entry.name);
  await named(`Rename ${shown(entry.name)}`, "Rename", before, async (text) => {
    // A name that is no text stays as it is unless somebody writes another one.
    if (text !== before) await move(inside(directory, entry.name), inside(directory, spelled(text)));
  });
  await show();
}

async function removeEntry({ name, kind }: Entry): Promise<void> {
  const directory = place;
  const all = kind === "directory" ? " and everything in it" : "";
  if (!(await isSure(`Delete ${shown(name)}${all}? It can’t be brought back.`, "Delete"))) return;
  await orSay(remove(inside(directory, name)));
  await show();
}

/** Waits for a change, and tells what went wrong with it. */
async function orSay(change: Promise<void>): Promise<void> {
  try {
    await change;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    await say(error.message);
  }
}

/** What is brought is on its way, or isn't wanted, before it is asked about what is brought next. */
const inTurn = turns();

/** Uploads to where somebody is, after asking about what is there already. */
async function upload(files: readonly File[], readFolders?: (signal: AbortSignal) => Promise<tree.Tree[]>): Promise<void> {
  const to = place;
  await inTurn(async () => {
    const cargoes = await bring(to, uploads.targets, files, readFolders);
    if (cargoes.length > 0) uploads.add(cargoes);
  });
}

/** Has somebody choose by a button. */
function offerChoice(button: string, input: string, take: (files: File[]) => void): void {
  const chosen = find<HTMLInputElement>(input);
  find(button).addEventListener("click", () => chosen.click());
  chosen.addEventListener("change", () => {
    const files = [...(chosen.files ?? [])];
    // The same ones may be chosen again.
    chosen.value = "";
    take(files);
  });
}

find("#make").addEventListener("click", () => {
  const directory = place;
  void named("New folder", "Create", "", (text) => makeDirectory(inside(directory, spelled(text)))).then(show);
});
offerChoice("#bring", "#chosen", (files) => void upload(files));
offerChoice("#bring-folder", "#chosen-folder", (files) => void upload([], async () => tree.chosen(files)));
acceptFiles({
  where: () => (entries && !isAsking() ? `Upload to ${way.called(place)}` : undefined),
  dropped: (files, folders) => void upload(files, (signal) => tree.dropped(folders, signal)),
});
document.addEventListener("click", (event) => {
  const link = (event.target as Element).closest<HTMLAnchorElement>("a");
  const to = link && placeOf(link.pathname);
  // What a browser does with a key held, or what is a download, is the browser's matter.
  if (!to || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  history.pushState(null, "", pageOf(to));
  go(to);
});
window.addEventListener("popstate", () => go(placeOf(location.pathname) ?? HOME));
document.addEventListener("visibilitychange", () => {
  // Programs change files meanwhile.
  if (!document.hidden && !isAsking()) void show();
});
window.addEventListener("beforeunload", (event) => {
  if (uploads.areUnderWay) event.preventDefault();
});

history.replaceState(null, "", pageOf(place));
void show();
