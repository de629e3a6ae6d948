// What people do on the dashboard, in a real browser, while the world around them changes.

import { args, equal, run } from "./checks.mjs";
import { launch, network } from "./chromium.mjs";
import { inspector, open, signIn } from "./dashboard-page.mjs";
import { please } from "./please.mjs";
import { mutate } from "./terminal-page.mjs";

const [setting] = args("dashboard.mjs SETTING", 1);
const {
  home, // The URL of the dashboard.
  owner, guest, // Names and tokens of two people.
  password, // Of both.
  templates, // The names of one that runs and of one that fails, and the identifier of that.
  pictures, // A folder.
  sockets, // A folder of sockets, named like the ports that they stand for.
} = JSON.parse(setting);

const graphql = new URL("/graphql", home).href;
const findings = [];
const inspect = inspector(pictures, findings);
const world = await network(sockets);
const browser = await launch();

/** What somebody's program does meanwhile. */
const meanwhile = ({ token }, name, input, fields) => mutate(graphql, token, name, input, fields);

let page;
let lab; // The identifier of the space.

const button = (name) => page.getByRole("button", { name, exact: true });
const door = (name) => page.getByRole("button", { name: `${name} (in a new tab)` });
const status = (word) => page.locator("main .head .status", { hasText: word }).waitFor();
const row = (name) => page.getByRole("listitem").filter({ has: page.getByRole("link", { name, exact: true }) });
const clipboard = () => page.evaluate(() => navigator.clipboard.readText());

/** The description of the space, as the API has it. */
async function described() {
  const response = await fetch(graphql, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${owner.token}` },
    body: JSON.stringify({ query: "query ($id: ID!) { space(id: $id) { description } }", variables: { id: lab } }),
  });
  return (await response.json()).data.space.description;
}

/** Notes from now on, in `words` of the page, what a part of it says. What it returns gives all of it. */
async function watchWords(selector) {
  await page.evaluate((selector) => {
    const words = (globalThis.words = []);
    const note = () => {
      const word = document.querySelector(selector)?.textContent;
      if (word && word !== words.at(-1)) words.push(word);
    };
    new MutationObserver(note).observe(document.body, { childList: true, subtree: true, characterData: true });
    note();
  }, selector);
  return () => page.evaluate(() => globalThis.words);
}

/** Deletes the space that is looked at, and is asked about it. */
async function remove(name, asked = async () => {}) {
  await button("Delete…").click();
  const sure = button("Delete for good");
  equal(await sure.isDisabled(), true);
  await asked();
  await page.getByLabel(`Type ${name} to confirm`).fill(name);
  await sure.click();
}

async function visit(part = "") {
  await page.goto(`${home}spaces/${lab}${part}`);
  await page.getByRole("heading", { level: 1 }).waitFor();
}

const checks = [
  ["who signs in with a wrong password is told so and stays", async () => {
    page = await open(browser, home);
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"], { origin: new URL(home).origin });
    await page.getByRole("heading", { name: "Sign in to Spaceport" }).waitFor();
    await inspect(page, "sign-in");
    await signIn(page, owner.name, "not their password");
    await page.getByRole("alert").waitFor();
    equal(await page.getByLabel("User name").inputValue(), owner.name);
  }],
  ["whoever has no spaces is led to make one", async () => {
    await signIn(page, owner.name, password);
    await page.getByRole("heading", { name: "No spaces yet" }).waitFor();
    await page.getByText("Live", { exact: true }).waitFor();
    await inspect(page, "empty");
    await page.getByRole("link", { name: "Create your first space" }).click();
  }],
  ["a form says what is wrong at the field, and what a space takes", async () => {
    await page.getByText(templates.good, { exact: true }).click();
    await button("Create space").click();
    await page.getByText("Give it a name.").waitFor();
    await page.waitForFunction(() => document.activeElement.getAttribute("aria-invalid") === "true");
    await page.getByText("This template needs a value here.").waitFor();
    await page.getByRole("row", { name: /Compute 1 unit while it runs 1 of 2/ }).waitFor();
    await inspect(page, "new");
  }],
  ["a space is made by the keyboard alone, and goes live before one's eyes", async () => {
    await page.getByLabel("Name", { exact: true }).focus();
    await page.keyboard.type("lab");
    // Past the description and the parameter that has a default, to the secret one.
    for (let step = 0; step < 3; step += 1) await page.keyboard.press("Tab");
    await page.keyboard.type("a secret");
    await page.keyboard.press("Enter");
    await page.waitForURL(/spaces\/space_/);
    lab = page.url().match(/space_[0-9a-f]+/)[0];
    await status("Running");
    await page.getByText("ssh -p").waitFor();
    await page.getByRole("meter", { name: "work" }).waitFor();
  }],
  ["what a space has to offer can be seen, and what it hasn't says why", async () => {
    await page.getByText("The template doesn’t enable it").first().waitFor();
    await door("Terminal").waitFor();
    equal(await page.getByText("a secret").count(), 0);
    await button("Copy the SSH command").click();
    await page.waitForFunction(async () => /^ssh -p \d+ lab--ada@/.test(await navigator.clipboard.readText()));
    await inspect(page, "space");
  }],
  ["terminals and files open in tabs of their own, signed in", async () => {
    for (const [name, sign] of [
      ["Terminal", '.tab[data-state="open"] [aria-selected="true"]'],
      ["Files", 'body[data-state="shown"] #way [aria-current="page"]'],
    ]) {
      const [tab] = await Promise.all([page.waitForEvent("popup"), door(name).click()]);
      await tab.waitForSelector(sign);
      equal(await tab.evaluate(() => opener), null);
      await tab.close();
    }
  }],
  ["a port that the template declares is opened by its button, and its address is there to be copied", async () => {
    const [tab] = await Promise.all([page.waitForEvent("popup"), door("web").click()]);
    await tab.getByRole("heading", { name: "Served inside" }).waitFor();
    const address = new URL(tab.url()).origin;
    equal(address.startsWith("https://8000--lab--"), true);
    equal(await tab.evaluate(() => opener), null);
    await tab.close();
    const shown = page.getByRole("textbox", { name: "the address of web" });
    equal(new URL(await shown.textContent()).origin, address);
    await button("Copy the address of web").click();
    await page.waitForFunction(async (it) => new URL(await navigator.clipboard.readText()).origin === it, address);
  }],
  ["a tunnel is made, its address is copied, closed and taken away", async () => {
    await page.getByLabel("Port", { exact: true }).fill("no port");
    await button("Create tunnel").click();
    await page.getByText("A number from 1 to 65535.").waitFor();
    await page.getByLabel("Port", { exact: true }).fill("8000");
    await button("Create tunnel").click();
    await button("Copy the address of lab-8000").click();
    await page.waitForFunction(async () => (await navigator.clipboard.readText()).startsWith("https://lab-8000--"));
    await inspect(page, "tunnel");
    // The switch lies under its label.
    await page.getByText("Open", { exact: true }).last().click();
    await page.getByRole("switch", { name: "Let visitors in by lab-8000", checked: false }).waitFor();
    await button("Delete the tunnel lab-8000").click();
    await button("Delete for good").click();
    await page.getByText("lab-8000", { exact: true }).waitFor({ state: "hidden" });
  }],
  ["a space is shared, and its guest sees it live and can't do more than they may", async () => {
    const theirs = await open(browser, home);
    await signIn(theirs, guest.name, password);
    await theirs.getByRole("heading", { name: "No spaces yet" }).waitFor();
    await page.getByLabel("User name").fill("nobody-there");
    await button("Share").click();
    await page.getByText("There is no such user.").waitFor();
    await page.getByLabel("User name").fill(guest.name);
    await button("Share").click();
    await button(`Remove the share with ${guest.name}`).waitFor();
    await theirs.getByRole("link", { name: "lab", exact: true }).click();
    await theirs.getByRole("button", { name: "Leave it" }).waitFor();
    equal(await theirs.getByRole("button", { name: "Delete…" }).count(), 0);
    await inspect(theirs, "guest");
    await button(`Remove the share with ${guest.name}`).click();
    // A moment after its dialog has opened it can be pressed.
    await button("Remove it").and(page.locator(":not([aria-disabled])")).waitFor();
    await inspect(page, "unshare");
    await button("Remove it").click();
    await theirs.getByRole("heading", { name: "There is no such space" }).waitFor();
    equal(theirs.complaints, []);
    await theirs.context().close();
  }],
  ["logs appear as they are written, can be paused, and are as many as were written", async () => {
    await page.getByRole("link", { name: "Logs", exact: true }).click();
    const log = page.getByRole("log");
    await log.getByText("greeting hello").waitFor();
    await log.getByText(/tick 3$/).waitFor();
    await inspect(page, "logs");
    await button("Pause").click();
    await page.getByRole("button", { name: /^Paused, ([2-9]|\d{2,}) new$/ }).click();
    const ticks = await log.getByText(/tick \d+$/).allTextContents();
    const numbers = ticks.map((text) => Number(text.match(/\d+$/)[0]));
    equal(numbers, numbers.map((_, at) => at + numbers[0]));
  }],
  ["of a log that nobody sees for a while, each line comes once, also over a lost connection", async () => {
    let socket;
    page.on("websocket", (it) => (socket = it));
    await page.reload();
    const log = page.getByRole("log");
    await log.getByText("greeting hello").waitFor();
    await log.getByText(/tick \d+$/).last().waitFor();
    const tick = async () => {
      const isTick = ({ payload }) => /tick \d+"/.test(payload);
      const { payload } = await socket.waitForEvent("framereceived", { predicate: isTick });
      return Number(payload.match(/tick (\d+)"/)[1]);
    };
    // A tab that isn't seen draws no frames.
    await page.evaluate(() => {
      const [draw, waiting] = [globalThis.requestAnimationFrame, []];
      globalThis.requestAnimationFrame = (frame) => waiting.push(frame);
      globalThis.see = () => {
        globalThis.requestAnimationFrame = draw;
        waiting.forEach((frame) => draw(frame));
      };
    });
    const before = await tick();
    world.cut();
    await page.getByText(/Offline. What you see/).waitFor();
    world.mend();
    await page.evaluate(() => dispatchEvent(new Event("online")));
    await page.getByText("Live", { exact: true }).waitFor();
    let last = 0;
    while (last <= before) last = await tick();
    await page.evaluate(() => globalThis.see());
    await log.getByText(new RegExp(`tick ${last}$`)).first().waitFor();
    const numbers = (await log.getByText(/tick \d+$/).allTextContents()).map((text) => Number(text.match(/\d+$/)[0]));
    equal(numbers, numbers.map((_, at) => at + numbers[0]));
  }],
  ["a space is restarted before one's eyes, and what ran in it is gone", async () => {
    await visit();
    await please("start a program in the space");
    const words = await watchWords("main .head .status");
    await button("Restart").click();
    await page.waitForFunction(() => globalThis.words.includes("Starting") && globalThis.words.at(-1) === "Running");
    equal((await words()).includes("Failed"), false);
    await please("see that the program is gone");
    await door("Terminal").waitFor();
  }],
  ["stats are drawn, and said in words", async () => {
    await page.getByRole("link", { name: "Usage", exact: true }).click();
    await page.getByRole("img", { name: /Memory over the last minutes: Used from .* to/ }).waitFor();
    await page.waitForFunction(() => document.querySelectorAll(".plot .curve")[0]?.getAttribute("d").includes("L"));
    await inspect(page, "usage");
  }],
  ["an edit that somebody else was faster with loses nothing", async () => {
    await page.getByRole("link", { name: "Settings", exact: true }).click();
    const description = page.getByRole("textbox", { name: "Description" });
    await description.fill("typed here");
    await meanwhile(owner, "updateSpace", { spaceId: lab, description: "written elsewhere" });
    await page.getByText("Somebody else has changed it meanwhile.").waitFor();
    await button("Save").click();
    await page.getByText("Not saved: somebody else was faster.").waitFor();
    equal(await description.inputValue(), "typed here");
    await inspect(page, "conflict");
    await button("Keep what I typed").click();
    await button("Save").click();
    await page.getByText("Saved.").waitFor();
    equal(await description.inputValue(), "typed here");
  }],
  ["who takes what somebody else wrote has it in their fields, and goes on from there", async () => {
    const description = page.getByRole("textbox", { name: "Description" });
    const clash = async (mine, theirs) => {
      await description.fill(mine);
      await meanwhile(owner, "updateSpace", { spaceId: lab, description: theirs });
      await page.getByText("Somebody else has changed it meanwhile.").waitFor();
    };
    const take = async (theirs) => {
      await button("Take theirs").click();
      equal(await description.inputValue(), theirs);
      await button("Take theirs").waitFor({ state: "detached" });
      equal(await button("Save").isDisabled(), true);
      equal(await described(), theirs);
    };
    // As soon as it is said, and after an attempt to save.
    await clash("mine", "theirs");
    await take("theirs");
    await clash("mine again", "theirs again");
    await button("Save").click();
    await page.getByText("Not saved: somebody else was faster.").waitFor();
    equal(await described(), "theirs again");
    await take("theirs again");
    await description.fill("theirs again, and mine");
    await button("Save").click();
    await page.getByText("Saved.").waitFor();
    equal(await described(), "theirs again, and mine");
  }],
  ["what is changed elsewhere appears", async () => {
    await page.getByRole("link", { name: "Spaces", exact: true }).click();
    await meanwhile(owner, "updateSpace", { spaceId: lab, description: "changed by a program" });
    await page.getByText("changed by a program").waitFor();
  }],
  ["a lost connection is said, and what was missed is made up for", async () => {
    const input = { templateId: templates.badId, name: "doomed" };
    const { space } = await meanwhile(owner, "createSpace", input, "space { id }");
    await row("doomed").waitFor();
    const words = await watchWords(".connection .word");
    world.cut();
    await page.getByText(/Offline. What you see/).waitFor();
    await page.getByText("Reconnecting…", { exact: true }).waitFor();
    await inspect(page, "offline");
    // A program that isn't cut off: this one speaks to the API past the network.
    await please(`change the list: ${space.id}`);
    await button("Reconnect now").click();
    await page.waitForFunction(() => globalThis.words.includes("Connecting…"));
    equal([await row("doomed").count(), await row("newborn").count()], [1, 0]);
    world.mend();
    // A browser that says it is online again is believed.
    await page.evaluate(() => dispatchEvent(new Event("online")));
    await page.getByText("Live", { exact: true }).waitFor();
    equal([...new Set(await words())].sort(), ["Connecting…", "Live", "Reconnecting…"]);
    await row("lab").getByText("changed while away").waitFor();
    await row("newborn").waitFor();
    await row("doomed").waitFor({ state: "detached" });
    equal(await page.getByRole("list", { name: "Spaces" }).getByRole("listitem").count(), 2);
    await page.getByRole("meter", { name: "Spaces" }).and(page.locator('[aria-valuenow="2"]')).waitFor();
    await page.getByText(/Offline. What you see/).waitFor({ state: "detached" });
    await please("delete the newborn");
    await row("newborn").waitFor({ state: "detached" });
  }],
  ["the API is killed and comes back, and the page goes on", async () => {
    await please("kill the API");
    await page.getByText(/Offline. What you see/).waitFor();
    await please("start the API");
    await page.getByText("Live", { exact: true }).waitFor();
    await row("lab").getByRole("button", { name: "Stop lab" }).waitFor();
  }],
  ["a start that fails says why, with the last lines", async () => {
    await page.goto(`${home}new`);
    await page.getByText(templates.bad, { exact: true }).click();
    await page.getByLabel("Name", { exact: true }).fill("broken");
    await button("Create space").click();
    await status("Failed");
    await page.getByText("EXITED_EARLY").waitFor();
    await page.getByText("last words").waitFor();
    await inspect(page, "failure");
    await remove("broken");
    await row("broken").waitFor({ state: "hidden" });
  }],
  ["keys and tokens are made and taken away, and a token is shown once", async () => {
    await page.getByRole("link", { name: "Account", exact: true }).click();
    await page.getByLabel("Name of the key").fill("laptop");
    await page.getByLabel("Public key").fill("no key");
    await button("Add key").click();
    await page.locator(".wrong").waitFor();
    await page.getByLabel("Public key").fill(
      "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE0tyLR4i7vQzKQfIVBcIc7DDPBjLqHmLnSWwCP9Hh2Y somebody@laptop",
    );
    await button("Add key").click();
    await button("Remove the key laptop").waitFor();
    await page.getByLabel("Name of the token").fill("robot");
    await button("Create token").click();
    await button("Copy the token").click();
    await page.waitForFunction(async () => {
      const copied = await navigator.clipboard.readText();
      // Not the address of the tunnel that was copied before.
      return !copied.startsWith("https:") && copied.length >= 20;
    });
    const token = await clipboard();
    equal((await page.textContent("main")).includes(token), true);
    await inspect(page, "account");
    await button("I have it").click();
    equal((await page.textContent("main")).includes(token), false);
    await button("Revoke the token robot").click();
    await button("Revoke for good").click();
    await page.getByText("robot", { exact: true }).waitFor({ state: "hidden" });
    await button("Remove the key laptop").click();
    await button("Remove for good").click();
    await page.getByText("laptop", { exact: true }).waitFor({ state: "hidden" });
  }],
  ["a sign-in elsewhere is ended from the list of them, and this one goes on", async () => {
    const elsewhere = await open(browser, home);
    await signIn(elsewhere, owner.name, password);
    await elsewhere.getByRole("heading", { level: 1, name: "Spaces" }).waitFor();
    await page.reload();
    const end = page.getByRole("button", { name: /^End the sign-in of Chrome at / });
    await end.waitFor();
    await end.click();
    await button("End for good").click();
    await elsewhere.getByText("Your sign-in has expired or was ended.").waitFor();
    await end.waitFor({ state: "detached" });
    await page.getByText("this one", { exact: true }).waitFor();
    equal(elsewhere.complaints, []);
    await elsewhere.context().close();
    await page.reload();
    await page.getByText("Live", { exact: true }).waitFor();
  }],
  ["a password is changed only by who knows it", async () => {
    await page.getByLabel("Current password").fill("not their password");
    await page.getByLabel("New password").fill("another password");
    await button("Change password").click();
    await page.locator("form", { has: page.getByLabel("New password") }).locator(".wrong, .alert").waitFor();
  }],
  ["whoever may do something else by now sees that, and stays signed in", async () => {
    await visit();
    await button("Share").waitFor();
    await please("let them share no more");
    await page.getByText("None of your roles lets you share it.").waitFor();
    await page.getByText("Live", { exact: true }).waitFor();
  }],
  ["a sign-in that is ended leads to a new one, and back to where one was", async () => {
    await visit("/settings");
    await please("end the sign-ins");
    await page.getByText("Your sign-in has expired or was ended.").waitFor();
    equal(new URL(page.url()).pathname, `/spaces/${lab}/settings`);
    await inspect(page, "signed-out");
    await signIn(page, owner.name, password);
    await page.getByRole("heading", { name: "Name and description" }).waitFor();
  }],
  ["a space is stopped, and deleted only by who types its name", async () => {
    await button("Stop lab").click();
    await status("Stopped");
    await remove("lab", () => inspect(page, "delete"));
    await page.getByRole("heading", { name: "No spaces yet" }).waitFor();
  }],
  ["who signs out is out, also at the API", async () => {
    const token = await page.evaluate(() => sessionStorage.getItem("spaceport.token"));
    await button("Sign out").dblclick();
    await page.getByText("You are signed out.", { exact: true }).waitFor();
    equal(await page.evaluate(() => sessionStorage.length + localStorage.length), 0);
    const response = await fetch(graphql, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
      body: JSON.stringify({ query: "{ viewer { id } }" }),
    });
    equal((await response.json()).errors[0].extensions.code, "UNAUTHENTICATED");
  }],
  ["every page is fit for those who don't see it, in light and dark, and fits a phone", async () => {
    if (findings.length > 0) throw new Error(findings.join("\n"));
  }],
  ["the page loads nothing from elsewhere, and breaks no rule of its own", async () => {
    equal(page.complaints, []);
    const origins = await page.evaluate(() =>
      performance.getEntriesByType("resource").map(({ name }) => new URL(name).origin),
    );
    equal([...new Set(origins)], [new URL(home).origin]);
  }],
];

// A browser that is judged and photographed on a busy machine takes its time.
await run(checks, 55_000);
