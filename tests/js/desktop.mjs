// What people do at the desktop of a space, in a real browser.

import { args, equal, run } from "./checks.mjs";
import { launch, network } from "./chromium.mjs";
import { inspector } from "./dashboard-page.mjs";
import { changes, click, fits, isDrawn, notice, open, size, until } from "./desktop-page.mjs";
import { please } from "./please.mjs";
import { camera, failure, mutate, open as visit, type } from "./terminal-page.mjs";

const [setting] = args("desktop.mjs SETTING", 1);
const {
  graphql, space, owner, guest, // The space, and the tokens and names of both people.
  app, // The URL of its desktop.
  pictures, // A folder.
  sockets, // A folder of sockets, named like the ports that they stand for.
} = JSON.parse(setting);

const picture = camera(pictures);
const findings = [];
const inspect = inspector(pictures, findings);
const world = await network(sockets);
const browser = await launch();

/** Within the window of the terminal, which was opened at the top left. */
const [X, Y] = [100, 90];
/** Where there is nothing but the desktop. */
const MENU = [700, 400];
/** How long a text may take from the desktop to the panel, before it is copied again. */
const COPY_TIMEOUT_MS = 5_000;

let page;

/** What the panel says that the desktop's clipboard is. */
const panelHas = (text, within = {}) =>
  page.waitForFunction((it) => document.querySelector("#text").value === it, text, within);
const browserHas = () => page.evaluate(() => navigator.clipboard.readText());
/** Somebody copies something elsewhere on their machine. */
const copyElsewhere = (text) => page.evaluate((it) => navigator.clipboard.writeText(it), text);

/** Clicks into the terminal, and waits until keys go there. */
async function enter() {
  await click(page, X, Y);
  await please("see the terminal in focus");
}

/** Opens the window manager's menu. */
async function openMenu() {
  await changes(page, () => click(page, ...MENU, { button: "right" }), MENU);
  await please(`see a menu at ${MENU.join(" ")}`);
}

/**
 * Has the terminal lay a text into a file that ends with a full stop, and what else there is until
 * Enter. Keys don't wait for what is pasted: once it has come, there is a file that says so.
 */
async function keep(file) {
  await enter();
  await type(page, `read -rd . text; touch ${file}-came; read more; echo "$text$more" > ${file}`);
}

const checks = [
  ["a browser that is signed in by openApp sees the desktop, in the size of its window", async () => {
    const input = { spaceId: space, app: "vnc" };
    const { url } = await mutate(graphql, owner.token, "openApp", input, "url");
    page = await visit(browser, url, { width: 1000, height: 650 }, "dark");
    await fits(page);
    await isDrawn(page);
    const [width, height] = await size(page);
    await please(`see the size ${width}x${height}`);
    await picture(page, "desktop-dark");
    await page.emulateMedia({ colorScheme: "light" });
    await picture(page, "desktop-light");
  }],
  ["what a program copies while nobody does anything there is in the panel alone", async () => {
    const origin = new URL(app).origin;
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"], { origin });
    await changes(page, () => please("open a terminal"));
    await copyElsewhere("mine");
    await please("copy there: first");
    await panelHas("first");
    // Whatever the first is to do has been done once the second is there.
    await please("copy there: unasked");
    await panelHas("unasked");
    equal(await browserHas(), "mine");
  }],
  ["the right button opens the window manager's menu", async () => {
    await openMenu();
    await picture(page, "menu");
    await page.keyboard.press("Escape");
    await please("see no menu");
  }],
  ["the task bar and the menu open a terminal", async () => {
    const [, height] = await size(page);
    await click(page, 49, height - 13);
    await please("see another terminal, and close it");
    await openMenu();
    await click(page, MENU[0] + 40, MENU[1] + 12);
    await please("see another terminal, and close it");
  }],
  ["what is typed is typed there", async () => {
    await enter();
    await type(page, "echo 'Apples & \"{[|]}\"' > typed");
    await picture(page, "terminal");
    await please("see in typed: Apples & \"{[|]}\"");
  }],
  ["what is copied in the browser is pasted there, once it is shared", async () => {
    await copyElsewhere("from the browser: ä €.");
    await enter();
    await type(page, "touch unshared");
    await please("see in unshared: ");
    equal(await page.locator("#text").inputValue(), "unasked");
    await page.getByRole("button", { name: "Clipboard", exact: true }).click();
    const share = page.getByRole("switch", { name: "Share this browser’s clipboard" });
    equal(await share.isChecked(), false);
    await share.check();
    await page.getByText("until you turn this off").waitFor();
    await panelHas("from the browser: ä €.");
    await picture(page, "shared");
    await keep("pasted");
    await changes(page, () => page.keyboard.press("Shift+Insert"));
    await please("see in pasted-came: ");
    await picture(page, "pasted");
    await page.keyboard.press("Enter");
    await please("see in pasted: from the browser: ä €");
  }],
  ["what is copied there is in the browser, and in the panel", async () => {
    await type(page, "clear; for i in $(seq 60); do echo copiedthere; done");
    // The terminal answers where its cursor is when it has drawn what came before.
    await type(page, "printf '\\033[6n'; read -rsd R; touch printed");
    await please("see in printed: ");
    // Clicks that come too far apart for a busy desktop are no double click.
    await until(page, async () => {
      await click(page, X - 50, Y + 40, { clickCount: 2 });
      return panelHas("copiedthere", { timeout: COPY_TIMEOUT_MS }).then(() => true, () => false);
    });
    await until(page, async () => (await browserHas()) === "copiedthere");
    await picture(page, "selected");
  }],
  ["what is copied elsewhere once it isn't shared any more stays there", async () => {
    await copyElsewhere("shared");
    // The title of the terminal: one more click into its text would select more of it.
    await click(page, X, 20);
    await panelHas("shared");
    await page.getByRole("button", { name: "Clipboard", exact: true }).click();
    await page.getByRole("switch", { name: "Share this browser’s clipboard" }).uncheck();
    await copyElsewhere("secret");
    await click(page, X, 20);
    await type(page, "touch kept");
    await please("see in kept: ");
    equal(await page.locator("#text").inputValue(), "shared");
  }],
  ["what is written into the panel is pasted there, by its keys", async () => {
    await keep("by-hand");
    await page.getByRole("button", { name: "Clipboard", exact: true }).click();
    await page.locator("#text").fill("by hand.");
    await picture(page, "clipboard");
    await page.keyboard.press("Escape");
    equal(await page.locator("#clipboard-panel").isVisible(), false);
    await page.getByRole("button", { name: "Keys", exact: true }).click();
    await picture(page, "keys");
    await page.getByRole("button", { name: "Shift+Insert" }).click();
    await please("see in by-hand-came: ");
    await click(page, X, Y);
    await page.keyboard.press("Enter");
    await please("see in by-hand: by hand");
  }],
  ["the keys that end what runs on a machine open nothing there", async () => {
    await page.getByRole("button", { name: "Keys", exact: true }).click();
    await page.getByRole("button", { name: "Ctrl+Alt+Del" }).click();
    // A dialog would keep the task bar from what is done next.
    const [, height] = await size(page);
    await click(page, 49, height - 13);
    await please("see another terminal, and close it");
    await click(page, X, Y);
    // The shell took them for a text.
    await page.keyboard.press("Control+U");
  }],
  ["the keyboard leaves the desktop and comes back", async () => {
    const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.tagName);
    equal(await focused(), "CANVAS");
    await page.keyboard.press("Tab");
    equal(await focused(), "CANVAS");
    await page.keyboard.press("Alt+Shift+T");
    equal(await focused(), "clipboard");
    await page.keyboard.press("Tab");
    equal(await focused(), "keys");
    await page.keyboard.press("Alt+Shift+T");
    equal(await focused(), "CANVAS");
    await type(page, "echo back > back");
    await please("see in back: back");
  }],
  ["the desktop follows the window's size, down to a phone's", async () => {
    for (const [width, height] of [[800, 500], [390, 700], [1000, 650]]) {
      await page.setViewportSize({ width, height });
      await fits(page);
      const now = await size(page);
      equal(now[0], width);
      await please(`see the size ${now.join("x")}`);
      if (width === 390) await picture(page, "phone");
      equal(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth), false);
    }
  }],
  ["the page and its panels are there in every form of it", async () => {
    await inspect(page, "desktop");
    for (const name of ["Clipboard", "Keys"]) {
      const panel = page.getByRole("button", { name, exact: true });
      await panel.click();
      await page.getByRole("region", { name, exact: true }).waitFor();
      await inspect(page, `panel-${name.toLowerCase()}`);
      await panel.click();
    }
    await fits(page);
  }],
  ["a network that is lost and comes back interrupts, and is said", async () => {
    world.cut();
    await notice(page).getByText("The connection is lost.").waitFor();
    await inspect(page, "lost");
    world.mend();
    await open(page);
    await notice(page).waitFor({ state: "hidden" });
    await isDrawn(page);
  }],
  ["a desktop that dies is waited for, and there again", async () => {
    const again = page.waitForEvent("websocket");
    await please("end the desktop");
    await again;
    await open(page);
    await fits(page);
    await isDrawn(page);
  }],
  ["a space that stops is waited for", async () => {
    await please("stop the space");
    await notice(page).getByText("isn’t running").waitFor();
    await inspect(page, "stopped");
    await please("start the space");
    await open(page);
    await isDrawn(page);
  }],
  ["whom the space is shared with is refused", async () => {
    const input = { spaceId: space, app: "vnc" };
    const { url, problems } = await mutate(graphql, guest.token, "openApp", input, "url problems { code }");
    equal([url, problems], [null, [{ code: "FORBIDDEN" }]]);
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    const theirs = await context.newPage();
    await theirs.goto(app);
    await theirs.getByLabel("User name").fill(guest.name);
    await theirs.getByLabel("Password").fill(guest.password);
    const [answer] = await Promise.all([
      theirs.waitForResponse((it) => it.url() === `${app}/` && it.status() !== 303),
      theirs.getByRole("button", { name: "Sign in" }).click(),
    ]);
    // As if there were nothing.
    equal([answer.status(), answer.headers()["x-spaceport-error"]], [404, "UNKNOWN_HOST"]);
    await context.close();
  }],
  ["a desktop that says to be larger than any isn't drawn", async () => {
    await please("be as large as 65535x65535");
    await notice(page).getByText("larger than a page can draw").waitFor();
    await picture(page, "too-large");
  }],
  ["a text that says to be longer than any is passed over", async () => {
    await please("be as large as 800x600");
    await open(page);
    equal(await size(page), [800, 600]);
    await panelHas("honest");
  }],
  ["whose sign-in has ended sees no more of it", async () => {
    await please("end the sign-ins");
    await notice(page).getByText("Your sign-in has ended.").waitFor();
    await inspect(page, "ended");
  }],
  ["every state is fit for those who don't see it, in light and dark, and fits a phone", async () => {
    equal(findings, []);
  }],
  ["the page loads nothing from elsewhere, and breaks no rule of its own", async () => {
    equal(page.complaints, []);
    const origins = await page.evaluate(() =>
      performance.getEntriesByType("resource").map(({ name }) => new URL(name).origin),
    );
    equal([...new Set(origins)], [new URL(app).origin]);
  }],
];

// A desktop that is drawn without a graphics card on a busy machine takes its time.
await run(checks, 50_000, () => failure(browser, picture));
