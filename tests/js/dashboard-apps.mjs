// What people see on the dashboard of the apps in a space, while those start, ask and fail.

import { args, equal, run } from "./checks.mjs";
import { launch, network } from "./chromium.mjs";
import { inspector, open, signIn } from "./dashboard-page.mjs";
import { please } from "./please.mjs";

const [setting] = args("dashboard-apps.mjs SETTING", 1);
const {
  home, // The URL of the dashboard.
  space, // The identifier of a space that doesn't run yet, and whose image has VS Code's program.
  owner, guest, password, // The names of two people, and the password of both.
  login, // Where the program asks to be signed in, and the code it asks for.
  tunnel, // What it calls its tunnel, and where that is opened.
  pictures, // A folder.
  sockets, // A folder of sockets, named like the ports that they stand for.
} = JSON.parse(setting);

const findings = [];
const inspect = inspector(pictures, findings);
await network(sockets);
const browser = await launch();

/** The page of the space, as somebody sees it. */
async function visit(name) {
  const page = await open(browser, `${home}spaces/${space}`);
  await signIn(page, name, password);
  await page.getByRole("heading", { level: 1, name: "lab" }).waitFor();
  return page;
}

const card = (page) => page.getByRole("region", { name: "Apps" });
const says = (page, text) => card(page).getByText(text).waitFor();
const link = (page, name) => card(page).getByRole("link", { name });

/** Looks at a page, its first screen being the card. */
async function look(page, name) {
  await card(page).scrollIntoViewIfNeeded();
  await inspect(page, name);
}

const theirs = await visit(guest);
const page = await visit(owner);
await page.context().grantPermissions(["clipboard-read", "clipboard-write"], { origin: new URL(home).origin });

const checks = [
  ["of a space that doesn't run nothing is said", async () => {
    await page.locator("main .head .status", { hasText: "Not started yet" }).waitFor();
    equal(await card(page).count(), 0);
  }],
  ["an app that has started and said nothing is there", async () => {
    await page.getByRole("button", { name: "Start lab" }).click();
    await card(page).locator(".status", { hasText: "Running" }).waitFor();
    await says(page, "VS Code Tunnel");
    await says(page, "Its program hasn’t said anything yet.");
    await look(page, "quiet");
  }],
  ["its owner is told where to sign in, and copies the code", async () => {
    await please("let the program ask");
    await link(page, login.url).waitFor();
    equal(await link(page, login.url).getAttribute("href"), login.url);
    equal(await link(page, login.url).getAttribute("rel"), "noopener noreferrer");
    equal(await card(page).getByRole("textbox", { name: "the code to sign in with" }).textContent(), login.code);
    await card(page).getByRole("button", { name: "Copy the code to sign in with" }).click();
    await page.waitForFunction(async (code) => (await navigator.clipboard.readText()) === code, login.code);
    await look(page, "login");
  }],
  ["its guest learns that it waits, and not the code", async () => {
    await says(theirs, "It waits until somebody who may use it signs in.");
    equal(await theirs.getByText(login.code).count(), 0);
    equal((await theirs.content()).includes(login.code), false);
    await look(theirs, "login-guest");
  }],
  ["once it is connected both see where it is opened, and the code is gone", async () => {
    await please("sign the program in");
    for (const each of [page, theirs]) {
      await says(each, "Connected as");
      equal(await link(each, "Open it in the browser").getAttribute("href"), tunnel.url);
      equal(await card(each).locator("code").textContent(), tunnel.name);
      equal(await each.getByText(login.code).count(), 0);
    }
    await look(page, "connected");
  }],
  ["that it failed is said, with the reason and how often it began anew", async () => {
    await please("break the program");
    await says(page, /no route to the relay\.$/);
    await says(page, "started again 1 time");
    await look(page, "failed");
  }],
  ["nothing is left of it once the space is stopped", async () => {
    await page.getByRole("button", { name: "Stop lab" }).click();
    await page.locator("main .head .status", { hasText: "Stopped" }).waitFor();
    await card(page).waitFor({ state: "hidden" });
  }],
  ["every state is fit for those who don't see it, in light and dark, and fits a phone", async () => {
    if (findings.length > 0) throw new Error(findings.join("\n"));
    equal([...page.complaints, ...theirs.complaints], []);
  }],
];

// A browser that is judged and photographed on a busy machine takes its time.
await run(checks, 55_000);
