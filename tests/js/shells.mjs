// Which shell a terminal has, in images with different ones and in one without any.

import { args, equal, run } from "./checks.mjs";
import { launch, network } from "./chromium.mjs";
import { attached, camera, notice, open, shows, type } from "./terminal-page.mjs";

const [setting] = args("shells.mjs SETTING", 1);
const {
  withSh, withNone, // URLs that sign somebody in to the terminals of a space whose image has that.
  pictures, // A folder.
  sockets, // A folder of sockets, named like the ports that they stand for.
} = JSON.parse(setting);

await network(sockets);
const picture = camera(pictures);
const browser = await launch();
const size = { width: 700, height: 400 };

const checks = [
  ["an image without bash has the shell that it has", async () => {
    const page = await open(browser, withSh, size, "dark");
    await attached(page);
    await type(page, "echo shell=${0#-}");
    await shows(page, "shell=sh");
    // It says nothing of itself.
    await page.getByRole("tab", { name: "Terminal 1", exact: true }).waitFor();
    await picture(page, "busybox");
    equal(page.complaints, []);
  }],
  ["an image without a shell says so, once, and the page goes on", async () => {
    const page = await open(browser, withNone, size, "dark");
    const words = notice(page);
    await words.waitFor({ state: "visible" });
    equal(/^There is no terminal: .*shell/.test(await words.textContent()), true);
    await picture(page, "no-shell");
    const { sockets } = page;
    await page.locator("#new").click();
    await page.waitForFunction(() => document.querySelectorAll(".tab[data-state='refused']").length === 2);
    equal(page.sockets, sockets + 1);
  }],
];

// A shell that is started on a busy machine takes its time.
await run(checks, 50_000);
