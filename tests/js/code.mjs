// What somebody does in Code Server through the edge, in a real browser.

import { createInterface } from "node:readline";

import { args, equal, run } from "./checks.mjs";
import { launch, network } from "./chromium.mjs";
import { command, file, isOpen, line, shown } from "./editor-page.mjs";
import { camera, mutate } from "./terminal-page.mjs";

const [setting] = args("code.mjs SETTING", 1);
const {
  graphql, token, space, // The space, and its owner's token.
  pictures, // A folder.
  sockets, // A folder of sockets, named like the ports that they stand for.
} = JSON.parse(setting);

const picture = camera(pictures);
await network(sockets);
const browser = await launch(["--ignore-certificate-errors"]);
const context = await browser.newContext({
  ignoreHTTPSErrors: true,
  viewport: { width: 1200, height: 760 },
});
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
  await isOpen(page);
  await file(page, "notes.txt").waitFor();
}

const checks = [
  ["the workbench shows the folder, without a password, a welcome or a question", async () => {
    await enter();
    await picture(page, "workbench");
    equal(await page.locator("input[type=password]").count(), 0);
    equal(await page.locator(".monaco-dialog-box").count(), 0);
    equal(await page.locator(".gettingStartedContainer").count(), 0);
    equal(new URL(page.url()).searchParams.get("folder"), "/home/dev/work");
  }],
  ["a file of the volume is edited and saved", async () => {
    await file(page, "notes.txt").dblclick();
    await line(page, "one").waitFor();
    await line(page, "one").click();
    await page.keyboard.press("Control+End");
    await page.keyboard.type("two, typed in the editor");
    await page.keyboard.press("Control+S");
    await please("hold two, typed in the editor");
    await picture(page, "edited");
  }],
  ["its terminal is a shell in the space", async () => {
    await command(page, "Terminal: Create New Terminal");
    await shown(page, ".terminal-wrapper.active .xterm-helper-textarea, .xterm .xterm-helper-textarea");
    await page.locator(".xterm").first().click();
    await page.keyboard.type("echo typed-$((40 + 2)) as $(id -un) >terminal.txt");
    await page.keyboard.press("Enter");
    await please("hold typed-42 as dev");
    await file(page, "terminal.txt").waitFor();
    await picture(page, "terminal");
  }],
  ["a preview is drawn in a webview, by service workers of this origin alone", async () => {
    await page.keyboard.type("printf '# A title\\n' >page.md\n");
    await file(page, "page.md").dblclick();
    await line(page, "A title").waitFor();
    await command(page, "Markdown: Open Preview");
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
