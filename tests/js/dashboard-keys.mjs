// What people do on the dashboard by the keyboard alone: where it is, and that this is seen.

import { args, equal, run } from "./checks.mjs";
import { launch, network } from "./chromium.mjs";
import { open } from "./dashboard-page.mjs";
import { camera, mutate } from "./terminal-page.mjs";

const [setting] = args("dashboard-keys.mjs SETTING", 1);
const {
  home, // The URL of the dashboard.
  owner, guest, password, // The name and token of whose spaces these are, another's name, and the password of the first.
  spaces, // The identifier of one that is deleted elsewhere; "lab", the other one, runs.
  pictures, // A folder.
  sockets, // A folder of sockets, named like the ports that they stand for.
} = JSON.parse(setting);

const graphql = new URL("/graphql", home).href;
const picture = camera(pictures);
await network(sockets);
const browser = await launch();
const page = await open(browser, home);

/** More than there are things on any page. */
const MOST_TABS = 60;

const press = (key) => page.keyboard.press(key);
const type = (text) => page.keyboard.type(text);
const named = (role, name) => page.getByRole(role, { name, exact: true });
const has = (thing) => thing.evaluate((it) => it === document.activeElement);

/** Waits until something has the focus. */
const gets = (thing) => thing.and(page.locator(":focus")).waitFor();

/** Waits until a button isn't too new to be pressed any more, nor is what it asked for under way. */
const isReady = (button) => button.and(page.locator(":not([aria-disabled])")).waitFor();

/** Waits until something has the focus, and everybody sees that. */
async function getsVisibly(thing) {
  await gets(thing);
  const isSeen = await thing.evaluate((it) =>
    [it, it.closest("label")].some((it) => {
      const { outlineStyle, outlineWidth } = it ? getComputedStyle(it) : {};
      return it && outlineStyle !== "none" && parseFloat(outlineWidth) > 0;
    }),
  );
  equal(isSeen, true);
}

/** Goes on, or back, to something, which sees whoever goes there. */
async function tabTo(thing, key = "Tab") {
  await thing.waitFor();
  for (let step = 0; step < MOST_TABS && !(await has(thing)); step += 1) await press(key);
  await getsVisibly(thing);
}

const checks = [
  ["somebody signs in, and goes to a space", async () => {
    await gets(page.getByLabel("User name"));
    await type(owner.name);
    await press("Tab");
    await type(password);
    await press("Enter");
    await tabTo(named("link", "lab"));
    await press("Enter");
    await named("heading", "lab").waitFor();
    // Who hears the page hears that it is another one.
    await gets(page.locator("main"));
  }],
  ["a tunnel is made, shut and deleted, and the keyboard stays with the tunnels", async () => {
    await tabTo(named("textbox", "Port"));
    await press("Control+A");
    await type("8000");
    await press("Enter");
    const remove = named("button", "Delete the tunnel lab-8000");
    await remove.waitFor();
    await getsVisibly(named("textbox", "Port"));
    const open = page.getByRole("switch", { name: "Let visitors in by lab-8000" });
    await tabTo(open, "Shift+Tab");
    await press("Space");
    await page.getByRole("switch", { name: "Let visitors in by lab-8000", checked: false }).waitFor();
    await getsVisibly(open);
    await press("Tab");
    await getsVisibly(remove);
    await press("Enter");
    await getsVisibly(named("button", "Keep it"));
    await press("Tab");
    await getsVisibly(named("button", "Delete for good"));
    await isReady(named("button", "Delete for good"));
    await press("Enter");
    await remove.waitFor({ state: "detached" });
    await getsVisibly(named("region", "Tunnels"));
    await picture(page, "tunnel-gone");
    await press("Tab");
    await getsVisibly(named("textbox", "Port"));
  }],
  ["the space is shared and that is taken back, and the keyboard stays with the shares", async () => {
    await tabTo(named("textbox", "User name"));
    await type(guest);
    await press("Tab");
    await getsVisibly(named("button", "Share"));
    await press("Enter");
    const remove = named("button", `Remove the share with ${guest}`);
    await remove.waitFor();
    // The button can't be pressed again until there is another name, which is asked for.
    await getsVisibly(named("textbox", "User name"));
    await press("Shift+Tab");
    await getsVisibly(remove);
    await press("Enter");
    await getsVisibly(named("button", "Keep it"));
    await press("Tab");
    await getsVisibly(named("button", "Remove it"));
    await isReady(named("button", "Remove it"));
    await press("Enter");
    await remove.waitFor({ state: "detached" });
    await getsVisibly(named("region", "Shared with"));
    await press("Tab");
    await getsVisibly(named("textbox", "User name"));
  }],
  ["logs are paused, scrolled and followed", async () => {
    await tabTo(named("link", "Logs"), "Shift+Tab");
    await press("Enter");
    await gets(page.locator("main"));
    const log = page.getByRole("log", { name: "What the space wrote" });
    await log.getByText("line 200").waitFor();
    const pause = page.getByRole("button", { name: /^Pause/ });
    await tabTo(pause);
    await press("Space");
    await page.getByRole("button", { name: /^Paused/, pressed: true }).waitFor();
    await getsVisibly(pause);
    await press("Space");
    await page.getByRole("button", { name: "Pause", exact: true, pressed: false }).waitFor();
    const follow = named("button", "Follow");
    equal(await follow.getAttribute("aria-pressed"), "true");
    await tabTo(log);
    await press("Home");
    await page.locator('button[aria-pressed="false"]', { hasText: "Follow" }).waitFor();
    await press("End");
    await page.locator('button[aria-pressed="true"]', { hasText: "Follow" }).waitFor();
    await getsVisibly(log);
    await picture(page, "logs");
  }],
  ["a dialog keeps the keyboard, and gives it back to what opened it", async () => {
    const remove = named("button", "Delete…");
    await tabTo(remove, "Shift+Tab");
    await press("Enter");
    const name = named("textbox", "Type lab to confirm");
    await getsVisibly(name);
    const keep = named("button", "Keep it");
    for (const next of [keep, name, keep]) {
      await press("Tab");
      await getsVisibly(next);
    }
    await press("Enter");
    await keep.waitFor({ state: "detached" });
    await getsVisibly(remove);
    await press("Enter");
    await getsVisibly(name);
    await press("Escape");
    await getsVisibly(remove);
    await picture(page, "kept");
  }],
  ["the space is deleted, and the keyboard is on the page that follows", async () => {
    await press("Enter");
    await gets(named("textbox", "Type lab to confirm"));
    await type("lab");
    await press("Tab");
    await press("Tab");
    await getsVisibly(named("button", "Delete for good"));
    await press("Enter");
    await named("heading", "Spaces").waitFor();
    await named("link", "lab").waitFor({ state: "detached" });
    await gets(page.locator("main"));
    await tabTo(named("link", "New space"));
  }],
  ["what is gone while somebody is asked about it leaves the keyboard on the page", async () => {
    await tabTo(named("link", "other"));
    await press("Enter");
    await gets(page.locator("main"));
    await tabTo(named("button", "Delete…"));
    await press("Enter");
    await gets(named("textbox", "Type other to confirm"));
    const { problems } = await mutate(
      graphql, owner.token, "deleteSpace", { spaceId: spaces.other }, "problems { code }", "SpaceIdInput",
    );
    equal(problems, []);
    await named("heading", "There is no such space").waitFor();
    await gets(page.locator("main"));
    await tabTo(named("link", "All spaces"));
    await picture(page, "gone");
    await press("Enter");
    await named("heading", "No spaces yet").waitFor();
  }],
  ["the page breaks no rule of its own", async () => equal(page.complaints, [])],
];

// A busy machine takes its time.
await run(checks, 30_000);
