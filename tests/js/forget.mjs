// A space leaves a service worker in a browser, is deleted, and another one gets its name.

import { args, equal, run } from "./checks.mjs";
import { launch, network } from "./chromium.mjs";
import { please } from "./please.mjs";

const [setting] = args("forget.mjs SETTING", 1);
const {
  app, // An app of the person's space.
  userName, password, // The person.
  sockets, // A folder of sockets, named like the ports that they stand for.
} = JSON.parse(setting);

await network(sockets);
const browser = await launch(["--ignore-certificate-errors"]);
const context = await browser.newContext({ ignoreHTTPSErrors: true });
const page = await context.newPage();

/** What the page says; nothing while it changes to another one. */
const text = () => page.evaluate(() => document.body.innerText).catch(() => "");

async function signIn() {
  await page.getByLabel("User name").fill(userName);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** What the app's host has in this browser, as one of its pages sees it. */
function kept() {
  return page.evaluate(async () => {
    const workers = await navigator.serviceWorker.getRegistrations();
    return [workers.length, localStorage.kept ?? "nothing"];
  });
}

const checks = [
  ["a space stands before its own server", async () => {
    await page.goto(`${app}/keep`);
    await signIn();
    await page.waitForURL(`${app}/keep`);
    await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
    await page.goto(`${app}/stale`);
    equal(await text(), "kept by a worker");
    equal(await kept(), [1, "yes"]);
  }],
  ["the browser knows for which space it was when the ticket has ended, too", async () => {
    const cookies = await context.cookies();
    const ticket = cookies.find(({ name }) => name === "__Host-spaceport-app");
    equal(ticket.expires > Date.now() / 1000 + 300 * 24 * 3600, true);
  }],
  ["the space is deleted, and another one has its name", () => please("replace the space")],
  ["what the next space of its name finds is nothing", async () => {
    await page.goto(`${app}/entered`);
    // The worker may still hand on the way in, which is refused then, and is gone the next time.
    const again = page.getByRole("link", { name: "Sign in again" });
    while (!(await text()).includes('"target"')) {
      if (await again.isVisible()) await again.click();
      await page.waitForLoadState();
    }
    equal(page.url(), `${app}/entered`);
    equal(await kept(), [0, "nothing"]);
    await page.goto(`${app}/stale`);
    equal(JSON.parse(await text()).target, "/stale");
  }],
];

// A space that is deleted, and another one that is made and serves, take their time on a busy machine.
await run(checks, 55_000);
