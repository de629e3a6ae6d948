// What somebody does in Code Server through the edge, in a real browser.

import { createInterface } from "node:readline";

import { args, equal, run } from "./checks.mjs";
import { launch, network } from "./chromium.mjs";
import { camera, mutate } from "./terminal-page.mjs";

const [setting] = args("code.mjs SETTING", 1);
const {
  graphql, token, space, // The space, and its owner's token.
  pictures, // A folder.
  sockets, // A folder of sockets, named like the ports that they stand for.
} = JSON.parse(setting);

/** How long the editor may take to be there, or to open something. */
const EDITOR_TIMEOUT_MS = 45_000;

const picture = camera(pictures);
await network(sockets);
const browser = await launch(["--ignore-certificate-errors"]);
const context = await browser.newContext({
  ignoreHTTPSErrors: true,
  viewport: { width: 1200, height: 760 },
});
context.setDefaultTimeout(EDITOR_TIMEOUT_MS);
const page = await context.newPage();
const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** Asks for what only whoever started this can do. */
async function please(request) {
  console.log(`please ${request}`);
  await answers.next();
}

/** Opens the editor, signed in, and waits until its folder is shown. */
async function enter() {
  const { url } = await mutate(graphql, token, "openApp", { spaceId: space, app: "code" }, "url");
  await page.goto(url);
  await shown(".monaco-workbench");
  await file("notes.txt").waitFor();
}

const shown = (selector) => page.locator(selector).first().waitFor();
const file = (name) => page.locator(".explorer-folders-view .monaco-list-row", { hasText: name });

/** Runs a command of the editor's by its palette. */
async function command(title) {
  await page.keyboard.press("F1");
  const input = page.locator(".quick-input-widget input[type=text]");
  await input.waitFor();
  await input.fill(`>${title}`);
  await page.locator(".quick-input-list .monaco-list-row", { hasText: title }).first().waitFor();
  await page.keyboard.press("Enter");
}

const checks = [
  ["the workbench shows the folder, without a password, a welcome or a question", async () => {
    await enter();
    await shown(".statusbar");
    await picture(page, "workbench");
    equal(await page.locator("input[type=password]").count(), 0);
    equal(await page.locator(".monaco-dialog-box").count(), 0);
    equal(await page.locator(".gettingStartedContainer").count(), 0);
    equal(new URL(page.url()).searchParams.get("folder"), "/home/dev/work");
  }],
  ["a file of the volume is edited and saved", async () => {
    await file("notes.txt").dblclick();
    await page.locator(".monaco-editor .view-line", { hasText: "one" }).waitFor();
    await page.locator(".monaco-editor .view-line", { hasText: "one" }).click();
    await page.keyboard.press("Control+End");
    await page.keyboard.type("two, typed in the editor");
    await page.keyboard.press("Control+S");
    await please("hold two, typed in the editor");
    await picture(page, "edited");
  }],
  ["its terminal is a shell in the space", async () => {
    await command("Terminal: Create New Terminal");
    await shown(".terminal-wrapper.active .xterm-helper-textarea, .xterm .xterm-helper-textarea");
    await page.locator(".xterm").first().click();
    await page.keyboard.type("echo typed-$((40 + 2)) as $(id -un) >terminal.txt");
    await page.keyboard.press("Enter");
    await please("hold typed-42 as dev");
    await file("terminal.txt").waitFor();
    await picture(page, "terminal");
  }],
  ["a preview is drawn in a webview, by service workers of this origin alone", async () => {
    await page.keyboard.type("printf '# A title\\n' >page.md\n");
    await file("page.md").dblclick();
    await page.locator(".monaco-editor .view-line", { hasText: "A title" }).waitFor();
    await command("Markdown: Open Preview");
    const preview = page.frameLocator("iframe.webview.ready").frameLocator("#active-frame");
    await preview.locator("h1", { hasText: "A title" }).waitFor();
    await picture(page, "preview");
    const origins = (all) => [...new Set(all.map((it) => new URL(it.url()).origin))];
    const loaded = page.frames().filter((frame) => frame.url().startsWith("http"));
    const own = [new URL(page.url()).origin];
    equal([origins(context.serviceWorkers()), origins(loaded)], [own, own]);
  }],
];

// An editor of megabytes in a browser on a busy machine takes its time.
await run(checks, 58_000);
