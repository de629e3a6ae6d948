// What people do in the terminals of a space, in a real browser, while the world around them changes.

import { args, equal, run } from "./checks.mjs";
import { launch, network } from "./chromium.mjs";
import { inspector } from "./dashboard-page.mjs";
import { please } from "./please.mjs";
import {
  alike, attached, camera, drawn, failure, mutate, notice, open, reload, runs, SEEN, shows, titles, type,
} from "./terminal-page.mjs";

const [setting] = args("terminal.mjs SETTING", 1);
const {
  graphql, space, owner, guest, // The space, and the tokens and names of both people.
  app, // The URL of its terminals.
  pictures, // A folder.
  sockets, // A folder of sockets, named like the ports that they stand for.
} = JSON.parse(setting);

const picture = camera(pictures);
const findings = [];
const inspect = inspector(pictures, findings);
const world = await network(sockets);
const browser = await launch();

/** A page of somebody's, with the space's terminals. */
async function enter({ token }, size, colorScheme) {
  const app = { spaceId: space, app: "term" };
  const { url } = await mutate(graphql, token, "openApp", app, "url");
  const page = await open(browser, url, size, colorScheme);
  await attached(page);
  return page;
}

/** Has a page look which terminals there are, and waits until it shows so many. */
async function follows(page, count) {
  await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await page.waitForFunction((count) => document.querySelectorAll('[role="tab"]').length === count, count);
}

let ada;
let grace;

const checks = [
  ["the page opens a shell, in the colours of the person's system", async () => {
    ada = await enter(owner, { width: 1000, height: 600 }, "dark");
    await runs(ada, "PS1='$ '; clear; echo $((6 * 7))", "42");
    await type(ada, "ls --color=always -d / /tmp; printf '\\033]0;build\\a'");
    await ada.waitForFunction(() => document.title === "build");
    equal(await titles(ada), ["build"]);
    await picture(ada, "shell-dark");
    await ada.emulateMedia({ colorScheme: "light" });
    await picture(ada, "shell-light");
    await ada.emulateMedia({ colorScheme: "dark" });
  }],
  ["a program knows the window's size, and every change of it", async () => {
    for (const [width, height] of [[800, 500], [390, 700], [1000, 600]]) {
      const before = (await drawn(ada)).size;
      await ada.setViewportSize({ width, height });
      await ada.waitForFunction(
        ([seen, columns]) => document.querySelector(seen).xterm.cols !== columns,
        [SEEN, before[0]],
      );
      const [columns, rows] = (await drawn(ada)).size;
      await runs(ada, "echo size $(stty size)", `size ${rows} ${columns}`);
      if (width === 390) await picture(ada, "phone");
    }
  }],
  ["a page that is loaded anew draws the same again, and nothing is typed by that", async () => {
    await type(ada, "for i in $(seq 300); do printf '\\033[3%dmline %d\\033[0m äöü 你好\\n' $((i % 8)) $i; done");
    // A question to the terminal, which must not be answered again.
    await runs(ada, "printf '\\033[c'; IFS= read -rs -t 5 -d c x; echo asked; echo end-$((1 + 1))", "end-2");
    await reload(ada);
    await runs(ada, "echo clean", "clean");
    await reload(ada);
  }],
  ["a program that runs when the page is loaded anew gets no answer to what others asked", async () => {
    // What was copied, and whether the page has the focus, which ends with the one letter behind "[".
    const asks = "printf '\\033]52;c;?\\a\\033[?1004h\\033[?1004l'";
    await type(ada, `${asks}; IFS= read -rs -t 5 -d '[' x; read -rs -N 1 -t 5 x; clear; echo "focus $x"; cat -v`);
    await shows(ada, "focus I");
    await reload(ada);
    // An answer would stand in front of it.
    await type(ada, "unasked");
    await shows(ada, "unasked");
    await ada.keyboard.press("Control+C");
    await runs(ada, "clear; echo clean", "clean");
  }],
  ["tabs are terminals of their own, and all come back with the page", async () => {
    await ada.keyboard.press("Alt+Shift+N");
    await ada.waitForFunction(() => document.querySelectorAll('[role="tab"]').length === 2);
    await attached(ada);
    await runs(ada, "PS1='$ '; clear; echo second $((1 + 1))", "second 2");
    await ada.keyboard.press("Alt+Shift+ArrowLeft");
    await shows(ada, "clean");
    // By the keys of a list of tabs, without a mouse.
    await ada.keyboard.press("Alt+Shift+T");
    await ada.keyboard.press("ArrowRight");
    equal(await ada.evaluate(() => document.activeElement.getAttribute("role")), "tab");
    await ada.keyboard.press("Enter");
    await shows(ada, "second 2");
    await picture(ada, "tabs");
    await reload(ada);
    equal((await titles(ada)).length, 2);
    equal(await ada.locator('[role="tab"][aria-selected="true"]').textContent(), (await titles(ada))[1]);
  }],
  ["a page that can't have the list when it is loaded anew shows the same terminal, and the others later", async () => {
    const shown = ada.url();
    await ada.route(/\/api\/terminals$/, (route) => route.abort(), { times: 1 });
    await reload(ada);
    equal(ada.url(), shown);
    await follows(ada, 2);
    await reload(ada);
  }],
  ["more output than an agent keeps is drawn again as far as it is kept", async () => {
    await runs(ada, "seq 400000; printf '\\033[1;44mbold on blue\\033[0m\\n'; echo flood-$((1 + 1))", "flood-2");
    const { lines, size } = await drawn(ada);
    equal(lines.length, 10_000 + size[1]);
    await reload(ada);
  }],
  ["lines of which an agent keeps the drawing alone are drawn again in their colours", async () => {
    const coloured = "printf '\\033[1;3%dmline %d\\033[0;7m äöü \\033[0m你好\\n' $((i % 8)) $i";
    await runs(ada, `for i in $(seq 2000); do ${coloured}; done; echo drawn-$((1 + 1))`, "drawn-2");
    // More than is kept byte for byte, without a line of it.
    await runs(ada, "head -c 2500000 /dev/zero | tr '\\0' '\\r'; echo behind-$((1 + 1))", "behind-2");
    await reload(ada);
  }],
  ["a program that draws the whole screen is drawn again, and what is behind it", async () => {
    await type(ada, "clear; for i in $(seq 50); do echo file $i; done > /tmp/f; vi -n /tmp/f; echo left-$((1 + 1))");
    await shows(ada, "file 1");
    await ada.keyboard.press("Shift+G");
    await shows(ada, "file 50");
    await picture(ada, "vi");
    equal((await drawn(ada)).kind, "alternate");
    await reload(ada);
    await ada.keyboard.type(":q");
    await ada.keyboard.press("Enter");
    await shows(ada, "left-2");
    equal((await drawn(ada)).kind, "normal");
    await reload(ada);
  }],
  ["two people at one terminal see the same, in the size of the smaller window", async () => {
    grace = await enter(guest, { width: 700, height: 400 }, "light");
    const id = new URL(ada.url()).hash;
    await grace.locator('[role="tab"]').nth(1).click();
    await grace.waitForFunction((hash) => location.hash === hash, id);
    await attached(grace);
    await type(grace, "echo from-grace-$((1 + 1))");
    for (const page of [ada, grace]) await shows(page, "from-grace-2");
    await type(ada, "clear; echo from-ada-$((1 + 1))");
    for (const page of [ada, grace]) await shows(page, "from-ada-2");
    await ada.waitForSelector(`${SEEN}.letterboxed`);
    await alike(ada, grace);
    await picture(ada, "shared-larger");
    await picture(grace, "shared-smaller");
  }],
  ["a network that is lost and comes back interrupts, and draws nothing anew", async () => {
    await type(ada, "clear; for i in $(seq 100); do echo count $i; sleep 0.03; done; echo counted-$((1 + 1))");
    await shows(ada, "count 5");
    const resets = ada.resets;
    world.cut();
    await notice(ada).filter({ hasText: /^The connection is lost\./ }).waitFor();
    await picture(ada, "lost");
    world.mend();
    await attached(ada);
    await shows(ada, "counted-2");
    await notice(ada).waitFor({ state: "hidden" });
    equal(ada.resets, resets);
    const { lines } = await drawn(ada);
    const counts = lines.filter((line) => /count \d+ *$/.test(line)).map((line) => Number(line.match(/\d+ *$/)[0]));
    equal(counts, Array.from({ length: 100 }, (_, at) => at + 1));
  }],
  ["a browser that says it is offline is believed, and attaches again by itself", async () => {
    const { sockets, resets } = ada;
    // In a network of loopback alone, it always is and never says so.
    await ada.evaluate(() => dispatchEvent(new Event("offline")));
    await runs(ada, "echo online-$((1 + 1))", "online-2");
    await attached(ada);
    equal([ada.sockets > sockets, ada.resets], [true, resets]);
  }],
  ["nobody at a terminal notices that the API is killed and comes back", async () => {
    await please("kill the API");
    await runs(ada, "echo without-api-$((1 + 1))", "without-api-2");
    await reload(ada);
    await please("start the API");
    await runs(ada, "echo with-api-$((1 + 1))", "with-api-2");
    equal(await notice(ada).isVisible(), false);
  }],
  ["an edge that is replaced keeps its terminals, and hands them over when it ends", async () => {
    await please("upgrade the edge");
    await runs(ada, "echo old-edge-$((1 + 1))", "old-edge-2");
    const resets = ada.resets;
    const again = [ada, grace].map((page) => page.waitForEvent("websocket"));
    await please("end the old edge");
    // What is typed into a connection that has just broken is lost.
    await Promise.all(again);
    for (const page of [ada, grace]) await attached(page);
    // It comes after whatever has been said of the size while they came back one after the other.
    await runs(ada, "echo new-edge-$((1 + 1))", "new-edge-2");
    await ada.waitForSelector(`${SEEN}.letterboxed`);
    await alike(ada, grace);
    equal(ada.resets, resets);
    await reload(ada);
  }],
  ["whoever a space isn't shared with any more sees no more of it", async () => {
    await attached(grace);
    await runs(grace, "echo still-here-$((1 + 1))", "still-here-2");
    const began = Date.now();
    await mutate(graphql, owner.token, "unshareSpace", { spaceId: space, userName: guest.name });
    await grace.waitForSelector('.tab[data-state="waiting"], .tab[data-state="barred"]');
    console.log(`cut off after ${Date.now() - began} ms`);
    await runs(ada, "echo secret-$((1 + 1))", "secret-2");
    await notice(grace).getByText("isn't open to you").waitFor();
    equal((await drawn(grace)).lines.some((line) => line.includes("secret-2")), false);
    await inspect(grace, "revoked");
  }],
  ["what more comes than can be drawn doesn't stop the page, and Ctrl+C stops it", async () => {
    await type(ada, "clear; yes flood");
    await shows(ada, "flood");
    await ada.waitForFunction((seen) => document.querySelector(seen).xterm.buffer.active.baseY >= 9000, SEEN);
    await ada.keyboard.press("Control+C");
    await runs(ada, "clear; echo calm-$((1 + 1))", "calm-2");
    await reload(ada);
  }],
  ["ending a busy terminal is asked about", async () => {
    await type(ada, "sleep 1000");
    const selected = ada.locator('.tab:has([aria-selected="true"]) .close');
    // The agent's word counts, and it may take a moment until it knows.
    const dialog = ada.locator("dialog[open]");
    await ada.waitForFunction(async () => {
      const { terminals } = await (await fetch("/api/terminals")).json();
      return terminals.some(({ busy }) => busy);
    });
    await selected.click();
    await dialog.waitFor();
    await inspect(ada, "question");
    // It is asked once, however often somebody wants it.
    await ada.keyboard.press("Alt+Shift+W");
    await dialog.getByRole("button", { name: "Keep it" }).click();
    equal((await titles(ada)).length, 2);
    await selected.click();
    await dialog.getByRole("button", { name: "End it" }).click();
    await ada.waitForFunction(() => document.querySelectorAll('[role="tab"]').length === 1);
  }],
  ["a terminal of which nothing can be learnt is asked about, and what couldn't be ended stays", async () => {
    await attached(ada);
    const dialog = ada.locator("dialog[open]");
    world.cut();
    await notice(ada).filter({ hasText: /^The connection is lost\./ }).waitFor();
    await ada.keyboard.press("Alt+Shift+W");
    await dialog.getByText("It isn't known whether something runs in it.").waitFor();
    await dialog.getByRole("button", { name: "End it" }).click();
    await dialog.getByText("It couldn't be ended just now.").waitFor();
    await picture(ada, "not-ended");
    await dialog.getByRole("button", { name: "Keep it" }).click();
    world.mend();
    await attached(ada);
    await runs(ada, "echo kept-$((1 + 1))", "kept-2");
  }],
  ["a terminal that ends while somebody is asked about it takes no other tab with it", async () => {
    const shown = new URL(ada.url()).hash;
    // Somebody else's, whom the page keeps from being collected.
    await ada.evaluate(() => {
      window.other = new WebSocket(`wss://${location.host}/api/terminals/new?columns=80&rows=24`);
      return new Promise((resolve) => (window.other.onmessage = () => resolve()));
    });
    await follows(ada, 2);
    await ada.locator('.tab:has([aria-selected="false"]) .close').click();
    const dialog = ada.locator("dialog[open]");
    await dialog.getByText("Somebody else looks at it.").waitFor();
    await ada.evaluate(async (shown) => {
      const { terminals } = await (await fetch("/api/terminals")).json();
      const { id } = terminals.find(({ id }) => `#${id}` !== shown);
      await fetch(`/api/terminals/${id}`, { method: "DELETE" });
    }, shown);
    await follows(ada, 1);
    const ended = ada.waitForResponse((it) => it.request().method() === "DELETE");
    await dialog.getByRole("button", { name: "End it" }).click();
    equal((await ended).status(), 404);
    // The tab that is left can be stepped to.
    await ada.keyboard.press("Alt+Shift+N");
    await attached(ada);
    await ada.keyboard.press("Alt+Shift+ArrowLeft");
    await ada.waitForFunction((hash) => location.hash === hash, shown);
    await ada.keyboard.press("Alt+Shift+ArrowRight");
    await runs(ada, "PS1='$ '; clear; echo behind-$((1 + 1))", "behind-2");
    await ada.keyboard.press("Alt+Shift+W");
    await ada.waitForFunction(() => document.querySelectorAll('[role="tab"]').length === 1);
  }],
  ["a terminal that is ended before it was made doesn't go on unseen", async () => {
    await attached(ada);
    world.hold();
    await ada.keyboard.press("Alt+Shift+N");
    await ada.keyboard.press("Alt+Shift+W");
    world.release();
    // Its shell may have something to do yet: that is asked about like anything else.
    await ada.locator('dialog[open] [value="end"]').or(ada.locator('[role="tablist"]:not(:has(.tab + .tab))')).waitFor();
    if (await ada.locator("dialog[open]").isVisible()) await ada.locator('[value="end"]').click();
    await ada.waitForFunction(() => document.querySelectorAll('[role="tab"]').length === 1);
    const { terminals } = await ada.evaluate(async () => (await fetch("/api/terminals")).json());
    equal(terminals.length, 1);
  }],
  ["a terminal that ended says how", async () => {
    await attached(ada);
    await ada.locator(SEEN).click();
    await type(ada, "exit 3");
    await notice(ada).getByText("Ended with the status 3.").waitFor();
    await inspect(ada, "ended");
    equal(await ada.evaluate(async () => (await fetch("/api/terminals")).json()), { terminals: [] });
  }],
  ["selected text is copied, and pasted in one piece", async () => {
    await ada.context().grantPermissions(["clipboard-read", "clipboard-write"], { origin: new URL(app).origin });
    await ada.keyboard.press("Alt+Shift+N");
    await attached(ada);
    await runs(ada, "PS1='$ '; clear; echo copied-$((1 + 1))", "copied-2");
    await ada.locator(`${SEEN} .xterm-screen`).dblclick({ position: { x: 20, y: 8 } });
    await ada.keyboard.press("Control+Shift+C");
    await ada.waitForFunction(async () => (await navigator.clipboard.readText()) === "copied-2");
    await ada.evaluate(() => (navigator.clipboard.writeText = () => Promise.reject(new Error("refused"))));
    await ada.keyboard.press("Control+Shift+C");
    await notice(ada).getByText("Nothing was copied").waitFor();
    await picture(ada, "not-copied");
    await notice(ada).getByRole("button", { name: "Close" }).click();
    await notice(ada).waitFor({ state: "hidden" });
    await ada.evaluate(() => delete navigator.clipboard.writeText);
    await ada.evaluate(() => navigator.clipboard.writeText("echo one\necho two\n"));
    await ada.keyboard.press("Control+Shift+V");
    // The shell takes a bracketed paste as one line to be edited, and runs none of it.
    await shows(ada, "echo two");
    equal((await drawn(ada)).lines.some((line) => /^(<[^>]*>)?one *$/.test(line)), false);
    await ada.keyboard.press("Enter");
    await shows(ada, "two");
  }],
  ["a shell, and a lost connection, are there in every form of the page", async () => {
    await inspect(ada, "shell");
    world.cut();
    await notice(ada).filter({ hasText: /^The connection is lost\./ }).waitFor();
    await inspect(ada, "lost");
    world.mend();
    await attached(ada);
    await notice(ada).waitFor({ state: "hidden" });
  }],
  ["every state is fit for those who don't see it, in light and dark, and fits a phone", async () => {
    equal(findings, []);
  }],
  ["the page loads nothing from elsewhere, and breaks no rule of its own", async () => {
    for (const page of [ada, grace]) equal(page.complaints, []);
    const origins = await ada.evaluate(() =>
      performance.getEntriesByType("resource").map(({ name }) => new URL(name).origin),
    );
    equal([...new Set(origins)], [new URL(app).origin]);
  }],
];

// A browser that draws megabytes on a busy machine takes its time.
await run(checks, 50_000, () => failure(browser, picture));
