// The whole story, as somebody lives it who has just run Spaceport: from an empty account through a
// terminal, an editor, a desktop and a public address, and back to an empty account.

import { args, equal, run } from "./checks.mjs";
import { launch, network } from "./chromium.mjs";
import { judged, open, signIn } from "./dashboard-page.mjs";
import * as desktop from "./desktop-page.mjs";
import * as editor from "./editor-page.mjs";
import { please } from "./please.mjs";
import * as terminal from "./terminal-page.mjs";

const [setting] = args("story.mjs SETTING", 1);
const {
  home, // The URL of the dashboard.
  owner, guest, // Names and passwords of two people.
  pictures, // A folder.
  sockets, // A folder of sockets, named like the ports that they stand for.
} = JSON.parse(setting);

const picture = terminal.camera(pictures);
await network(sockets);
const browser = await launch(["--ignore-certificate-errors"]);
const findings = [];

let page; // The dashboard in the owner's browser,
let theirs; // and in the guest's.
let typed; // The owner's terminal,
let watched; // and the guest's.
let code; // The editor.
let address; // Of the tunnel.

const button = (name) => page.getByRole("button", { name, exact: true });
const row = (name) => page.getByRole("listitem").filter({ has: page.getByRole("link", { name, exact: true }) });
const status = (word) => page.locator("main .head .status", { hasText: word }).waitFor();

/** Takes a picture of a page of Spaceport's own, and lets axe judge it. */
async function show(seen, name) {
  await picture(seen, name);
  findings.push(...(await judged(seen)).map((it) => `${name}: ${it}`));
}

/** Goes to what somebody sees first. */
async function list() {
  await page.getByRole("link", { name: "Spaces", exact: true }).click();
  await page.getByRole("heading", { name: "Spaces", level: 1 }).waitFor();
}

async function look(name) {
  await list();
  await page.getByRole("link", { name, exact: true }).click();
  await page.getByRole("heading", { name, level: 1 }).waitFor();
}

/** Makes a space of a template, and sees it start. */
async function create(name, template, between = async () => {}) {
  await list();
  await page.getByRole("link", { name: /^(New space|Create your first space)$/ }).click();
  await page.getByText(template, { exact: true }).click();
  await page.getByLabel("Name", { exact: true }).fill(name);
  await between();
  await button("Create space").click();
  await page.getByRole("heading", { name, level: 1 }).waitFor();
  await status("Running");
}

/** Opens an app of the space that is looked at, in the tab that its button brings. */
async function enter(seen, door) {
  const [tab] = await Promise.all([
    seen.waitForEvent("popup"),
    seen.getByRole("button", { name: `${door} (in a new tab)` }).click(),
  ]);
  return tab;
}

async function remove(name) {
  await look(name);
  await button("Delete…").click();
  await page.getByLabel(`Type ${name} to confirm`).fill(name);
  await button("Delete for good").click();
  await page.getByRole("heading", { name: "Spaces", level: 1 }).waitFor();
  await row(name).waitFor({ state: "detached" });
}

const checks = [
  ["somebody signs in, and has nothing yet", async () => {
    page = await open(browser, home);
    await page.getByRole("heading", { name: "Sign in to Spaceport" }).waitFor();
    await show(page, "sign-in");
    await signIn(page, owner.name, owner.password);
    await page.getByRole("heading", { name: "No spaces yet" }).waitFor();
  }],
  ["they make a space of a template, are told what it takes, and see it start", async () => {
    await create("site", "demo", () => show(page, "new"));
    await page.getByText("ssh -p").waitFor();
    await show(page, "space");
  }],
  ["one with an editor", () => create("editor", "code")],
  ["and one with a desktop", async () => {
    await create("desk", "desktop");
    await list();
    await show(page, "spaces");
  }],
  ["they change a file in a terminal", async () => {
    await look("site");
    typed = await enter(page, "Terminal");
    await terminal.attached(typed);
    await terminal.type(typed, "sed -i s/Hello/Greetings/g work/index.html && cat work/index.html");
    const line = "<!doctype html><title>Greetings from Spaceport</title><h1>Greetings from Spaceport</h1>";
    await terminal.shows(typed, line);
    await show(typed, "terminal");
  }],
  ["they open the editor", async () => {
    await look("editor");
    code = await enter(page, "Code Server");
    await editor.isOpen(code);
  }],
  ["they write a program in it, and save it", async () => {
    await editor.write(code, "answer.py", "print(6 * 7)");
    await editor.file(code, "answer.py").waitFor();
    await editor.isStill(code);
    await picture(code, "editor");
  }],
  ["and it is there for all else in that space", async () => {
    const shell = await enter(page, "Terminal");
    await terminal.attached(shell);
    await terminal.type(shell, "until python3 work/answer.py | grep .; do sleep 0.1; done");
    await terminal.shows(shell, "42");
  }],
  ["they click on the desktop, and its menu opens", async () => {
    await look("desk");
    const seen = await enter(page, "Desktop");
    await desktop.open(seen);
    await desktop.fits(seen);
    await desktop.isDrawn(seen);
    await desktop.changes(seen, () => desktop.click(seen, 500, 300, { button: "right" }), [500, 300]);
    await please(`see a menu at 500 300 of ${page.url().match(/space_[0-9a-f]+/)[0]}`);
    await show(seen, "desktop");
  }],
  ["they make a public address", async () => {
    await look("site");
    await button("Create tunnel").click();
    const link = page.getByRole("link", { name: /^https:\/\/site-8000--/ });
    await link.waitFor();
    address = await link.getAttribute("href");
    await show(page, "tunnel");
  }],
  ["a stranger opens it in a browser of their own, without signing in", async () => {
    const stranger = await open(browser, address);
    // The API may have made it before the edge has heard of it.
    const greetings = stranger.getByRole("heading", { name: "Greetings from Spaceport" });
    while (!(await greetings.isVisible())) await stranger.goto(address);
    equal(stranger.url(), new URL(address).href);
    equal(await stranger.context().cookies(), []);
    await picture(stranger, "stranger");
    await stranger.context().close();
  }],
  ["they share the space, and whom it is shared with sees it at once", async () => {
    theirs = await open(browser, home);
    await signIn(theirs, guest.name, guest.password);
    await theirs.getByRole("heading", { name: "No spaces yet" }).waitFor();
    await page.getByLabel("User name").fill(guest.name);
    await button("Share").click();
    await button(`Remove the share with ${guest.name}`).waitFor();
    await theirs.getByRole("link", { name: "site", exact: true }).click();
    await theirs.getByRole("button", { name: "Leave it" }).waitFor();
    await show(theirs, "guest");
  }],
  ["both look at the same terminal", async () => {
    watched = await enter(theirs, "Terminal");
    await terminal.attached(watched);
    // Beside the one that she gets as she comes.
    await watched.getByRole("tab").first().click();
    await terminal.attached(watched);
    await terminal.type(typed, "echo welcome, $((40 + 2))");
    await terminal.shows(watched, "welcome, 42");
    await show(watched, "shared");
  }],
  ["the share is taken back, and all that rested on it ends", async () => {
    await button(`Remove the share with ${guest.name}`).click();
    await button("Remove it").click();
    await theirs.getByRole("heading", { name: "There is no such space" }).waitFor();
    await terminal.notice(watched).getByText("isn't open to you").waitFor();
    await show(watched, "revoked");
    await theirs.context().close();
  }],
  ["the space is stopped, and its address says so", async () => {
    await button("Stop site").click();
    await status("Stopped");
    await show(page, "stopped");
    const stranger = await open(browser, address);
    // Of the stop, too, the edge hears later.
    const stopped = stranger.getByRole("heading", { name: "Stopped", exact: true });
    while (!(await stopped.isVisible())) await stranger.goto(address);
    equal(await stranger.getByRole("heading", { name: "Greetings from Spaceport" }).count(), 0);
    await show(stranger, "stranger-later");
    await stranger.context().close();
  }],
  ["everything is deleted, and the account is as empty as before", async () => {
    for (const name of ["site", "editor", "desk"]) await remove(name);
    await page.getByRole("heading", { name: "No spaces yet" }).waitFor();
  }],
  ["no page of Spaceport's shuts anybody out or breaks a rule of its own", async () => {
    equal(findings, []);
    equal(page.complaints, []);
  }],
];

// An editor of megabytes in a browser on a busy machine takes its time.
await run(checks, 50_000, () => terminal.failure(browser, picture));
