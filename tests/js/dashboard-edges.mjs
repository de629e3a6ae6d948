// The dashboard where things are long, wrong, full, or gone, and where the keyboard is then.

import { args, equal, run } from "./checks.mjs";
import { launch, network } from "./chromium.mjs";
import { inspector, open, signIn } from "./dashboard-page.mjs";
import { mutate } from "./terminal-page.mjs";

const [setting] = args("dashboard-edges.mjs SETTING", 1);
const {
  home, // The URL of the dashboard.
  owner, // The name and the token of somebody who may run one compute unit, and has no spaces yet.
  guest, // The name of somebody else.
  password, // Of the owner.
  templates, // Identifiers: of one whose spaces run, and of one whose spaces fail at once.
  pictures, // A folder.
  sockets, // A folder of sockets, named like the ports that they stand for.
} = JSON.parse(setting);

const graphql = new URL("/graphql", home).href;
const findings = [];
const inspect = inspector(pictures, findings);
const world = await network(sockets);
const browser = await launch();
const page = await open(browser, home);

const button = (name) => page.getByRole("button", { name, exact: true });
const region = (name) => page.getByRole("region", { name, exact: true });
const status = (word) => page.locator("main .head .status", { hasText: word }).waitFor();

const LONGEST = "a-long-name-of-a-space-that-takes-all-the-room-here";

/** Identifiers: of the space of that name, and of one that fails. */
let long, broken;

const make = async (name, templateId, more = {}) => {
  const input = { templateId, name, ...more };
  return (await mutate(graphql, owner.token, "createSpace", input, "space { id }")).space.id;
};

async function visit(id, part = "") {
  await page.goto(`${home}spaces/${id}${part}`);
  await page.getByRole("heading", { level: 1 }).waitFor();
}

/** Waits until the keyboard is where a selector says. */
const focused = (selector) =>
  page.waitForFunction((selector) => document.activeElement?.matches(selector), selector);

/** Waits until the keyboard is at a field of this label. */
const focusedField = (label) =>
  page.waitForFunction((label) => document.activeElement?.labels?.[0]?.textContent === label, label);

/** Waits until a button isn't too new to be pressed any more, nor is what it asked for under way. */
const isReady = (name) => button(name).and(page.locator(":not([aria-disabled])")).waitFor();

/** Presses a button as those do who use no mouse. */
async function press(name) {
  await isReady(name);
  await button(name).focus();
  await page.keyboard.press("Enter");
}

/**
 * Presses a button in the moment in which there is one of that name, as the second click of a double click
 * does. What it returns waits until that has happened.
 */
async function pressAsItComes(name) {
  await page.evaluate((name) => {
    globalThis.hasPressed = false;
    const changes = new MutationObserver(() => {
      const it = [...document.querySelectorAll("button")].find((it) => (it.ariaLabel ?? it.textContent) === name);
      if (!it) return;
      changes.disconnect();
      it.click();
      globalThis.hasPressed = true;
    });
    changes.observe(document.body, { childList: true, subtree: true, attributeFilter: ["aria-label"] });
  }, name);
  return () => page.waitForFunction(() => globalThis.hasPressed);
}

/** Does something, and meanwhile something else, before the API hears of the first. */
async function whileAsked(ask, meanwhile) {
  world.hold();
  const act = async () => {
    try {
      await ask();
      await meanwhile();
    } finally {
      world.release();
    }
  };
  await Promise.all([page.waitForResponse(graphql), act()]);
}

const checks = [
  ["a sign-in without a name or a password isn't sent, and says what is missing", async () => {
    await page.getByRole("heading", { name: "Sign in to Spaceport" }).waitFor();
    await press("Sign in");
    await page.getByText("Enter your user name.").waitFor();
    await page.getByText("Enter your password.").waitFor();
    await focusedField("User name");
    await inspect(page, "nothing-entered");
    await signIn(page, owner.name, password);
    await page.getByRole("heading", { name: "No spaces yet" }).waitFor();
  }],
  ["a form knows how long a name can be", async () => {
    await page.goto(`${home}new`);
    await page.getByText("at most 51 characters").waitFor();
    await page.getByLabel("Name", { exact: true }).fill(`${LONGEST}-x`);
    await button("Create space").click();
    await page.getByText("At most 51 characters.", { exact: true }).waitFor();
    await focusedField("Name");
    await inspect(page, "name-too-long");
    long = await make(LONGEST, templates.good, { parameters: [{ name: "SECRET", value: "hidden words" }] });
    broken = await make("broken", templates.bad, { start: true });
  }],
  ["a name as long as can be fits a phone, and a secret parameter is called one", async () => {
    await visit(long);
    await region("About it").getByText("kept secret").waitFor();
    equal(await region("About it").getByText("secret", { exact: true }).count(), 0);
    await inspect(page, "long-name");
    await button("Delete…").click();
    await page.getByRole("alertdialog").waitFor();
    await inspect(page, "long-name-delete");
    await button("Keep it").click();
    await page.getByRole("link", { name: "Spaces", exact: true }).click();
    await page.getByRole("heading", { level: 1, name: "Spaces", exact: true }).waitFor();
    await inspect(page, "long-name-list");
  }],
  ["every part of a space has a title of its own", async () => {
    await visit(long);
    for (const part of ["Logs", "Usage", "Settings"]) {
      await page.getByRole("link", { name: part, exact: true }).click();
      await page.waitForFunction((title) => document.title === title, `${part} · ${LONGEST} · Spaceport`);
    }
    await page.getByRole("link", { name: "Overview", exact: true }).click();
    await page.waitForFunction((title) => document.title === title, `${LONGEST} · Spaceport`);
  }],
  ["what is opened of a space that doesn't run starts it", async () => {
    await visit(long);
    await page.getByText("It doesn’t run: opening something starts it.").waitFor();
    const [tab] = await Promise.all([
      page.waitForEvent("popup"),
      page.getByRole("button", { name: /^Terminal/ }).click(),
    ]);
    // It starts, its page looks every few seconds whether it has, and then a shell does.
    await tab.waitForSelector('.tab[data-state="open"] [aria-selected="true"]', { timeout: 50_000 });
    await tab.close();
    await status("Running");
    await button(`Stop ${LONGEST}`).click();
    await status("Stopped");
  }],
  ["a refused form leads to the field that is wrong, and an accepted one keeps the keyboard", async () => {
    await page.getByLabel("Port", { exact: true }).fill("70000");
    await press("Create tunnel");
    await focusedField("Port");
    const tunnels = region("Tunnels");
    await page.getByLabel("Port", { exact: true }).fill("8000");
    await page.getByLabel("Name", { exact: true }).fill("first");
    await press("Create tunnel");
    await tunnels.getByText("first", { exact: true }).waitFor();
    await focused("form.new *");
    await press("Delete the tunnel first");
    await press("Delete for good");
    await tunnels.getByText("first", { exact: true }).waitFor({ state: "detached" });
    await page.getByLabel("User name").fill("nobody-there");
    await press("Share");
    await page.getByText("There is no such user.").waitFor();
    await focusedField("User name");
    await page.getByLabel("User name").fill(` ${guest} `);
    await press("Share");
    await button(`Remove the share with ${guest}`).waitFor();
    await focusedField("User name");
  }],
  ["what is typed while something is sent stays", async () => {
    const name = page.getByLabel("Name", { exact: true });
    await page.getByLabel("Port", { exact: true }).fill("8000");
    await name.fill("one");
    await whileAsked(() => button("Create tunnel").click(), () => name.fill("two"));
    await isReady("Create tunnel");
    await region("Tunnels").getByText("one", { exact: true }).waitFor();
    equal(await name.inputValue(), "two");
    await button("Create tunnel").click();
    await region("Tunnels").getByText("two", { exact: true }).waitFor();
    await page.getByRole("link", { name: "Settings", exact: true }).click();
    const description = page.getByRole("textbox", { name: "Description" });
    await description.fill("saved");
    await whileAsked(() => button("Save").click(), () => description.fill("saved, and more"));
    await page.locator("main > p", { hasText: /^saved$/ }).waitFor();
    await isReady("Save");
    equal(await description.inputValue(), "saved, and more");
    await button("Save").click();
    await page.getByText("Saved.").waitFor();
    await page.locator("main > p", { hasText: /^saved, and more$/ }).waitFor();
    await page.getByRole("link", { name: "Overview", exact: true }).click();
  }],
  ["the second click of a double click is for what was there before", async () => {
    const asked = [];
    page.on("request", (it) => asked.push(it.postDataJSON()?.operationName));
    const pressed = await pressAsItComes(`Stop ${LONGEST}`);
    await button(`Start ${LONGEST}`).click();
    await pressed();
    await status("Running");
    equal(asked.filter((it) => /^(Start|Stop)Space$/.test(it)), ["StartSpace"]);
    await button(`Stop ${LONGEST}`).click();
    await status("Stopped");
  }],
  ["a tunnel is deleted only by who confirms it, and the keyboard goes on at the next", async () => {
    const tunnels = region("Tunnels");
    const pressed = await pressAsItComes("Delete for good");
    await button("Delete the tunnel one").click();
    await pressed();
    await page.getByRole("alertdialog", { name: "Delete the tunnel one?" }).waitFor();
    await isReady("Delete for good");
    await inspect(page, "tunnel-delete");
    await button("Keep it").click();
    await focused("[aria-label='Delete the tunnel one']");
    equal(await tunnels.getByRole("listitem").count(), 2);
    await press("Delete the tunnel one");
    await press("Delete for good");
    await tunnels.getByText("one", { exact: true }).waitFor({ state: "detached" });
    await page.waitForFunction(() => document.activeElement?.matches("li") && document.activeElement.textContent.includes("two"));
    await press("Delete the tunnel two");
    await whileAsked(
      () => press("Delete for good"),
      // What is under way isn't held back by that.
      async () => {
        await page.locator("[aria-disabled]", { hasText: "Keep it" }).click({ force: true });
        await page.keyboard.press("Escape");
        equal(await page.getByRole("alertdialog", { name: "Delete the tunnel two?" }).count(), 1);
      },
    );
    await tunnels.getByRole("listitem").waitFor({ state: "detached" });
    await focused(".card[aria-labelledby=tunnels], .card[aria-labelledby=tunnels] *");
  }],
  ["keys, tokens and passwords keep the keyboard, too", async () => {
    await page.getByRole("link", { name: "Account", exact: true }).click();
    await page.getByLabel("Name of the key").fill("laptop");
    await page.getByLabel("Public key").fill("no key");
    await press("Add key");
    await focusedField("Public key");
    await page.getByLabel("Public key").fill(
      "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE0tyLR4i7vQzKQfIVBcIc7DDPBjLqHmLnSWwCP9Hh2Y somebody@laptop",
    );
    await press("Add key");
    await button("Remove the key laptop").waitFor();
    await focusedField("Name of the key");
    await page.getByLabel("Current password").fill("not their password");
    await page.getByLabel("New password").fill("another password");
    await press("Change password");
    await focusedField("Current password");
    await page.getByLabel("Name of the token").fill("robot");
    await page.getByLabel("Days it holds").fill("100000");
    await page.getByText("A whole number from 1 to 36500, or nothing.").waitFor();
    await press("Create token");
    await focusedField("Days it holds");
    await page.getByLabel("Days it holds").fill("90");
    await press("Create token");
    await page.getByText("Your new token.").waitFor();
    await focused(".notice, .notice *");
    equal(await button("Create token").count(), 0);
    await page.getByText("in 90 days").waitFor();
    await inspect(page, "account");
    await button("I have it").click();
    await button("Create token").waitFor();
  }],
  ["a new token stays where it is shown when the rest can't be asked for again", async () => {
    await page.route(graphql, (route) =>
      route.request().postDataJSON().operationName === "Account" ? route.abort() : route.continue(),
    );
    await page.getByLabel("Public key").fill("half of a key");
    await page.getByLabel("Name of the token").fill("spare");
    await button("Create token").click();
    await page.getByText("Your new token.").waitFor();
    await page.getByText("Spaceport couldn’t be reached. Try again.").waitFor();
    await button("Copy the token").waitFor();
    equal(await page.getByLabel("Public key").inputValue(), "half of a key");
    await inspect(page, "account-unreached");
    await page.unroute(graphql);
    await button("Try again").click();
    await button("Revoke the token spare").waitFor();
    await button("I have it").click();
  }],
  ["a key and a token are taken away only by who confirms it, and the keyboard goes on from there", async () => {
    for (const [verb, what, card] of [["Remove", "the key laptop", "keys"], ["Revoke", "the token robot", "tokens"]]) {
      const pressed = await pressAsItComes(`${verb} for good`);
      await button(`${verb} ${what}`).click();
      await pressed();
      await page.getByRole("alertdialog", { name: `${verb} ${what}?` }).waitFor();
      await isReady(`${verb} for good`);
      await inspect(page, `${card}-gone`);
      await button("Keep it").click();
      await focused(`[aria-label='${verb} ${what}']`);
      await press(`${verb} ${what}`);
      await press(`${verb} for good`);
      await button(`${verb} ${what}`).waitFor({ state: "detached" });
      await focused(`.card[aria-labelledby=${card}], .card[aria-labelledby=${card}] *`);
    }
  }],
  ["a log that is gone isn't called one in which nothing was written", async () => {
    await visit(broken, "/logs");
    await status("Failed");
    await page.getByText("The last it wrote stands above.").waitFor();
    await page.getByText("last words").waitFor();
    await inspect(page, "failed-logs");
    await page.getByRole("link", { name: "Spaces", exact: true }).click();
    await page.getByText(/^Exited with code 3, \d+ ms after its start\.$/).waitFor();
    await inspect(page, "failed-list");
  }],
  ["what couldn't be reached is said as long as it can't be", async () => {
    await visit(long);
    await page.getByText("Live", { exact: true }).waitFor();
    world.cut();
    await page.getByText(/^Offline. What you see is of \d\d:\d\d:\d\d\.$/).waitFor();
    await button(`Start ${LONGEST}`).click();
    const fault = page.getByText("Spaceport couldn’t be reached. Try again.");
    await fault.waitFor();
    await inspect(page, "unreached");
    world.mend();
    await page.evaluate(() => dispatchEvent(new Event("online")));
    await page.getByText("Live", { exact: true }).waitFor();
    await fault.waitFor({ state: "detached" });
  }],
  ["who has left the form of a new space stays where they are when it is made", async () => {
    await page.goto(`${home}new`);
    await page.getByText("broken", { exact: true }).click();
    await page.getByText("Start it at once").click();
    await page.getByLabel("Name", { exact: true }).fill("left");
    const elsewhere = async () => {
      await page.getByRole("link", { name: "Account", exact: true }).click();
      await page.getByRole("heading", { level: 1, name: owner.name }).waitFor();
    };
    await whileAsked(() => button("Create space").click(), elsewhere);
    await page.getByLabel("Name of the key").waitFor();
    await page.getByRole("link", { name: "Spaces", exact: true }).click();
    await page.getByRole("link", { name: "left", exact: true }).waitFor();
  }],
  ["who signs out is out at once, however long the API is silent", async () => {
    const token = await page.evaluate(() => sessionStorage.getItem("spaceport.token"));
    world.hold();
    await button("Sign out").click();
    await page.getByText("Signing out…").waitFor();
    equal(await page.evaluate(() => sessionStorage.length + localStorage.length), 0);
    equal(await page.getByRole("banner").count(), 0);
    await page.getByText("You are signed out here. Spaceport couldn't be told").waitFor();
    await inspect(page, "signed-out-here");
    world.release();
    // It hears of it all the same, as soon as it can.
    let code;
    while (code !== "UNAUTHENTICATED") {
      const response = await fetch(graphql, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
        body: JSON.stringify({ query: "{ viewer { id } }" }),
      });
      code = (await response.json()).errors?.[0].extensions.code;
    }
  }],
  ["every page is fit for those who don't see it, in light and dark, and fits a phone", async () => {
    if (findings.length > 0) throw new Error(findings.join("\n"));
    equal(page.complaints, []);
  }],
];

// A browser that is judged and photographed on a busy machine takes its time.
await run(checks, 55_000);
