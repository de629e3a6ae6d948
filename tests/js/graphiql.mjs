// What people try out in GraphiQL, in a real browser, signed in on the dashboard or not.

import { mkdirSync } from "node:fs";

import { args, equal, run } from "./checks.mjs";
import { launch, network } from "./chromium.mjs";
import { judged, open, signIn } from "./dashboard-page.mjs";
import { mutate } from "./terminal-page.mjs";

const [setting] = args("graphiql.mjs SETTING", 1);
const {
  home, // The URL of the dashboard.
  owner, // The name and a token of somebody who has a space called lab.
  password, // Theirs.
  template, // The identifier of one they may use.
  pictures, // A folder.
  sockets, // A folder of sockets, named like the ports that they stand for.
} = JSON.parse(setting);

/** What can't be mended from outside of GraphiQL. */
const EXCUSED = [
  // It has the buttons of a tab within the tab.
  ["nested-interactive", ".graphiql-tab"],
  // An editor is scrolled by the keyboard as well: in its text area, which is beside what scrolls.
  ["scrollable-region-focusable", ".CodeMirror-scroll"],
  // The list of what can be written is made anew each time. Its text area has a name.
  ["aria-input-field-name", ".CodeMirror-hints"],
];

const findings = [];
await network(sockets);
const browser = await launch();
mkdirSync(pictures, { recursive: true });

let page;

const region = (name) => page.getByRole("region", { name, exact: true });
const button = (name) => page.getByRole("button", { name });

/** Waits until the answer has a text. */
const answered = (text) => region("Result Window").getByText(text, { exact: true }).first().waitFor();

/** Puts the cursor where a text of the query is. */
const pointAt = (text) => region("Query Editor").getByText(text, { exact: true }).first().click();

/** Replaces what is in an editor. */
async function write(name, text) {
  await region(name).locator(".CodeMirror-lines:visible").click();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.type(text);
}

/** Lays pictures of the page in the folder, and judges it, in light and dark. */
async function inspect(name) {
  // What is told of a word below the pointer fades away.
  await page.mouse.move(0, 0);
  await page.locator(".CodeMirror-info").waitFor({ state: "detached" });
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.screenshot({ path: `${pictures}/${name}-${colorScheme}.png` });
    findings.push(...(await judged(page, EXCUSED)).map((it) => `${name}, ${colorScheme}: ${it}`));
  }
  await page.emulateMedia({ colorScheme: "light" });
}

const checks = [
  ["the dashboard leads there, and the sign-in of its tab comes along", async () => {
    const dashboard = await open(browser, `${home}account`);
    await signIn(dashboard, owner.name, password);
    const link = dashboard.getByRole("link", { name: "Try it out in GraphiQL" });
    [page] = await Promise.all([dashboard.waitForEvent("popup"), link.click()]);
    await page.getByText("You ask as who is signed in on the dashboard").waitFor();
  }],
  ["the query at the cursor is run by the keyboard, and its answer is shown", async () => {
    await pointAt("userName");
    await page.keyboard.press("Control+Enter");
    await answered(`"${owner.name}"`);
    await answered('"lab"');
    await inspect("query");
  }],
  ["a subscription shows how things are, and then what happens, until it is stopped", async () => {
    await pointAt("spacesChanged");
    await page.keyboard.press("Control+Enter");
    await answered('"SNAPSHOT"');
    await mutate(new URL("/graphql", home), owner.token, "createSpace", { templateId: template, name: "made-meanwhile" });
    await answered('"made-meanwhile"');
    await answered('"CREATED"');
    await inspect("subscription");
    await button("Stop query").click();
    await button("Execute query").waitFor();
  }],
  ["the schema is there to be read", async () => {
    await button("Show Documentation Explorer").click();
    await page.getByRole("link", { name: "Subscription", exact: true }).first().click();
    await page.getByText("What the viewer may consume and does: now, then whenever it changes.").waitFor();
    await inspect("documentation");
    await button("Hide Documentation Explorer").click();
  }],
  ["what can be written is offered, and what is wrong is marked", async () => {
    await write("Query Editor", "{ viewer { us");
    await page.keyboard.press("Control+Space");
    await page.locator(".CodeMirror-hint-active", { hasText: "userName" }).waitFor();
    await inspect("completion");
    await page.keyboard.press("Enter");
    await page.keyboard.type(" nickname");
    await page.locator(".CodeMirror-lint-mark-error", { hasText: "nickname" }).waitFor();
    await page.keyboard.press("Escape");
    await pointAt("userName");
  }],
  ["what was asked before is there to be asked again", async () => {
    await button("Show History").click();
    await region("History").getByText("Spaces", { exact: true }).first().waitFor();
    await inspect("history");
    await button("Hide History").click();
  }],
  ["dialogs open and close", async () => {
    await button("Open settings dialog").click();
    await page.getByText("Clear storage").waitFor();
    await inspect("settings");
    await page.keyboard.press("Escape");
    await page.getByText("Clear storage").waitFor({ state: "hidden" });
  }],
  ["the page loads nothing from elsewhere, and breaks no rule of its own", async () => {
    equal(page.complaints, []);
    const origins = await page.evaluate(() =>
      performance.getEntriesByType("resource").map(({ name }) => new URL(name).origin),
    );
    equal([...new Set(origins)], [new URL(home).origin]);
  }],
  ["who isn't signed in is told so, and gives a token, which isn't kept", async () => {
    page = await open(browser, `${home}graphiql/`);
    await page.getByText("Nobody is signed in here.").waitFor();
    await pointAt("userName");
    await page.keyboard.press("Control+Enter");
    await answered('"UNAUTHENTICATED"');
    await inspect("stranger");
    await write("Headers", `{ "Authorization": "Bearer ${owner.token}`);
    await button("Re-fetch GraphQL schema").click();
    await pointAt("userName");
    await page.keyboard.press("Control+Enter");
    await answered('"lab"');
    const kept = await page.evaluate(() => JSON.stringify([{ ...sessionStorage }, { ...localStorage }]));
    equal(kept.includes("userName"), true);
    equal(kept.includes(owner.token), false);
    equal(page.complaints, []);
  }],
  ["the page is fit for those who don't see it", async () => {
    if (findings.length > 0) throw new Error(findings.join("\n"));
  }],
];

await run(checks, 55_000);
