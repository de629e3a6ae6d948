// What somebody does in Code Server through the edge, in a real browser.

import { args, equal, run } from "./checks.mjs";
import { launch, network } from "./chromium.mjs";
import { command, file, isOpen, line, newTerminal, save, shown } from "./editor-page.mjs";
import { please } from "./please.mjs";
import { lead, reach } from "./stranger.mjs";
import { camera, failure, mutate } from "./terminal-page.mjs";

const [setting] = args("code.mjs SETTING", 1);
const {
  graphql, token, space, // The space, and its owner's token.
  stranger, // Somebody else's token and space, and the public page of that.
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
/** What the editor's own page has opened. */
const webSockets = [];
page.on("websocket", (socket) => webSockets.push(socket.url()));

/** Opens the editor, signed in, and waits until its folder is shown. */
async function enter() {
  const { url } = await mutate(graphql, token, "openApp", { spaceId: space, app: "code" }, "url");
  await page.goto(url);
  await isOpen(page);
  await file(page, "notes.txt").waitFor();
}

/** A script of the editor's own page, and the WebSocket that it opened first. */
async function parts() {
  const sources = await page.evaluate(() => [...document.scripts].map(({ src }) => src));
  return { script: sources.find((it) => it.endsWith("/nls.messages.js")), socket: webSockets[0] };
}

/** What a page that is nobody's but a stranger's learns. */
const nothing = { cors: "TypeError", blind: "opaque 0", script: "error", frame: false, socket: 1006 };

/** Tries from a page of the stranger's all that a page can try, and is answered as `expected`. */
async function attack(url, expected) {
  const trap = await context.newPage();
  await trap.goto(url);
  const app = new URL(page.url()).origin;
  const { learnt, answers } = await reach(trap, { at: `${app}/`, ...(await parts()) }, Object.keys(expected));
  equal(learnt, nothing);
  equal(answers, expected);
  const { opened, read } = await lead(trap, `${app}/`);
  equal(read, ["SecurityError", "SecurityError", "SecurityError"]);
  await opened.close();
  await trap.close();
}

/** Runs a line in a new terminal. */
async function terminal(seen, text) {
  await newTerminal(seen);
  await seen.keyboard.type(text);
  await seen.keyboard.press("Enter");
}

/** Adds to the end of the file that is open. */
async function add(text) {
  await line(page, "one").click();
  await page.keyboard.press("Control+End");
  await page.keyboard.type(text);
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
    await add("two, typed in the editor");
    await save(page);
    await please("hold two, typed in the editor");
    await picture(page, "edited");
  }],
  ["its terminal is a shell in the space", async () => {
    await terminal(page, "echo typed-$((40 + 2)) as $(id -un) >terminal.txt");
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
  ["its own page reaches it by every way that a page has", async () => {
    const at = `${new URL(page.url()).origin}/healthz`;
    const expected = { cors: 200, "no-cors": 200, frame: 200 };
    const { learnt, answers } = await reach(page, { at, ...(await parts()) }, Object.keys(expected));
    const read = "basic 200";
    equal(learnt, { cors: read, blind: read, script: "load", frame: true, socket: "open" });
    equal(answers, expected);
  }],
  ["a public page of another space reaches it by none: no sign-in goes along", async () => {
    await attack(stranger.page, { "no-cors": 401, frame: 303 });
  }],
  ["a page of another space on a host beside it reaches it by none: the edge refuses", async () => {
    // The sign-in is the stranger's, and by a link of theirs.
    const input = { spaceId: stranger.space, app: "8000" };
    const { url } = await mutate(graphql, stranger.token, "openApp", input, "url");
    await attack(url, { "no-cors": 403, frame: 403, socket: 403 });
  }],
  ["it goes on as if nothing had been tried", async () => {
    await page.bringToFront();
    await file(page, "notes.txt").dblclick();
    await add("; three, after all");
    await save(page);
    await please("hold two, typed in the editor; three, after all");
    await picture(page, "after");
  }],
  ["a setting is changed", async () => {
    await command(page, "Preferences: Toggle between Light/Dark Themes");
    await shown(page, ".monaco-workbench.vs-dark");
    await please("set workbench.colorTheme");
  }],
  ["the space is stopped while something isn't saved", async () => {
    await add("; four, not saved");
    await shown(page, ".tab.dirty");
    await picture(page, "unsaved");
    await please("back four, not saved");
    await please("stop");
    await picture(page, "stopped-open");
    const anew = await context.newPage();
    // The API may have said so before the edge has heard of it.
    const stopped = anew.getByRole("heading", { name: "Stopped", exact: true });
    do await anew.goto(page.url());
    while (!(await stopped.isVisible()));
    await anew.getByRole("link", { name: "Start it" }).waitFor();
    await picture(anew, "stopped");
    await anew.close();
  }],
  ["the space is started, and serves", () => please("start")],
  ["the workbench has noticed, and says what to do", async () => {
    await page.getByText("Cannot reconnect. Please reload the window.").waitFor();
    await picture(page, "started");
  }],
  ["the workbench comes back as it was, with what isn't saved", async () => {
    await page.getByRole("button", { name: "Reload Window" }).click();
    await page.getByText("Cannot reconnect").waitFor({ state: "detached" });
    await isOpen(page);
    await file(page, "notes.txt").waitFor();
    await shown(page, ".monaco-workbench.vs-dark");
    equal(new URL(page.url()).searchParams.get("folder"), "/home/dev/work");
    await line(page, "three, after all; four, not saved").waitFor();
    await shown(page, ".terminal-wrapper.active .xterm");
    await shown(page, ".tab.dirty");
    await picture(page, "again");
  }],
  ["its terminal works again", async () => {
    await terminal(page, "echo again-$((40 + 3)) >again.txt");
    await please("hold again-43");
    await picture(page, "terminal-again");
  }],
  ["a link from elsewhere opens the editor, and nothing by name", async () => {
    const linked = await context.newPage();
    await linked.goto(new URL("/", graphql).href);
    await linked.evaluate((href) => {
      const link = document.createElement("a");
      link.href = href;
      document.body.append(link);
      link.click();
    }, lookedAt());
    await isOpen(linked);
    const query = Object.fromEntries(new URL(linked.url()).searchParams);
    equal(query, { folder: "/home/dev/work" });
    await linked.close();
  }],
  ["what is only looked at can be worked with", async () => {
    const first = await look();
    await terminal(first, "echo opened >../opened.txt");
    await please("hold opened");
    await picture(first, "looked-at");
  }],
  ["and isn't run, unless the user's own settings allow it", async () => {
    await please("allow tasks");
    // The first had all the time that the second takes.
    await look();
    await please("see one task");
  }],
];

/** Opens somebody's repository in a page of its own. */
async function look() {
  const looking = await context.newPage();
  await looking.goto(lookedAt());
  await isOpen(looking);
  await file(looking, "extension").waitFor();
  equal((await looking.locator(".command-center").innerText()).trim(), "looked-at");
  return looking;
}

/** Where somebody's repository is opened, an extension in it is run, and a task begins. */
function lookedAt() {
  const url = new URL("/", page.url());
  const folder = "/home/dev/work/looked-at";
  const extension = `vscode-remote://${url.host}${folder}/extension`;
  url.searchParams.set("folder", folder);
  url.searchParams.set("payload", JSON.stringify([["extensionDevelopmentPath", extension]]));
  return url.href;
}

// An editor of megabytes in a browser on a busy machine takes its time.
await run(checks, 58_000, () => failure(browser, picture));
