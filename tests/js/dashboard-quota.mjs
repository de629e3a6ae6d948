// What people see on the dashboard of a quota that doesn't suffice, beforehand and when somebody else
// was faster.

import { args, equal, run } from "./checks.mjs";
import { launch, network } from "./chromium.mjs";
import { inspector, open, signIn } from "./dashboard-page.mjs";
import { mutate } from "./terminal-page.mjs";

const [setting] = args("dashboard-quota.mjs SETTING", 1);
const {
  home, // The URL of the dashboard.
  owner, password, // The name and token of who may have 2 spaces and 2 compute units, and their password.
  templates, // Names and identifiers of one that takes 1 compute unit and one that takes 3.
  pictures, // A folder.
  sockets, // A folder of sockets, named like the ports that they stand for.
} = JSON.parse(setting);

const graphql = new URL("/graphql", home).href;
const findings = [];
const inspect = inspector(pictures, findings);
await network(sockets);
const browser = await launch();
const page = await open(browser, `${home}new`);

const button = (name) => page.getByRole("button", { name, exact: true });
const field = (name) => page.getByLabel(name, { exact: true });
const says = (row) => page.getByRole("row", { name: row }).waitFor();
const notice = page.locator(".notice");
const alert = page.getByRole("alert");
/** What somebody's program does meanwhile. */
const meanwhile = (...mutation) => mutate(graphql, owner.token, ...mutation);

/** Everything that is entered in the form. */
async function entered() {
  const texts = ["Name", "Description", "GREETING", "SECRET"].map((name) => field(name).inputValue());
  const radio = page.getByRole("radio", { checked: true }).getAttribute("value");
  return [...(await Promise.all(texts)), await radio, await page.getByRole("checkbox").isChecked()];
}

/** Creates the space, while its request waits for `act`. */
async function createAfter(act) {
  let isFirst = true;
  await page.route(graphql, async (route) => {
    if (isFirst && route.request().postData()?.includes("createSpace")) {
      isFirst = false;
      await act();
    }
    await route.continue();
  });
  await button("Create space").click();
  await alert.waitFor();
  await page.unroute(graphql);
}

const typed = ["second", "What I want it for.", "good morning", "a secret", templates.modest.id, true];
let first; // A space that somebody's program makes.

const checks = [
  ["which limit a space would pass is said beforehand, and how it would pass none", async () => {
    await signIn(page, owner.name, password);
    await page.getByText(templates.hungry.name, { exact: true }).click();
    await says(/Compute 3 units while it runs 3 of 2 units: more than you may use/);
    await notice.getByText("Your quota of 2 compute units doesn’t suffice: 0 in use, 3 more wanted.").waitFor();
    await notice.getByText("It can be created without being started.").waitFor();
    await inspect(page, "short");
    await page.getByText("Start it at once").click();
    await notice.waitFor({ state: "detached" });
    await page.getByText("Start it at once").click();
    await notice.waitFor();
  }],
  ["who creates it all the same is refused with the reason, and goes on from there", async () => {
    await field("Name").fill("too-large");
    await button("Create space").focus();
    await page.keyboard.press("Enter");
    await alert.getByText("Your quota of 2 compute units doesn’t suffice: 0 in use, 3 more wanted.").waitFor();
    // Said once, and by the API.
    equal(await notice.count(), 0);
    equal(await button("Create space").evaluate((it) => it === document.activeElement), true);
    equal(await field("Name").inputValue(), "too-large");
    equal(new URL(page.url()).pathname, "/new");
  }],
  ["what somebody else takes is seen in the form before it is sent", async () => {
    await page.getByText(templates.modest.name, { exact: true }).click();
    await says(/Spaces 1 on creation 1 of 2$/);
    const input = { templateId: templates.hungry.id, name: "first" };
    first = (await meanwhile("createSpace", input, "space { id }")).space.id;
    await says(/Spaces 1 on creation 2 of 2$/);
    equal([await notice.count(), await alert.count()], [0, 0]);
  }],
  ["a quota that is used up between the last look and the request refuses it, and nothing typed is lost", async () => {
    for (const [name, value] of [["Name", typed[0]], ["Description", typed[1]], ["GREETING", typed[2]], ["SECRET", typed[3]]]) {
      await field(name).fill(value);
    }
    equal(await entered(), typed);
    const input = { templateId: templates.hungry.id, name: "faster" };
    let faster;
    await createAfter(async () => {
      faster = (await meanwhile("createSpace", input, "space { id }")).space.id;
    });
    await alert.getByText("Your quota of 2 spaces doesn’t suffice: 2 in use, 1 more wanted.").waitFor();
    equal(await entered(), typed);
    await says(/Spaces 1 on creation 3 of 2: more than you may use/);
    await inspect(page, "refused");
    await meanwhile("deleteSpace", { spaceId: faster }, "problems { code }", "SpaceIdInput");
    await says(/Spaces 1 on creation 2 of 2$/);
  }],
  ["once there is room again the same form makes the space", async () => {
    equal(await entered(), typed);
    await button("Create space").click();
    await page.getByRole("heading", { level: 1, name: "second" }).waitFor();
    await page.getByText("What I want it for.").waitFor();
    await page.locator("main .head .status", { hasText: "Running" }).waitFor();
    await page.getByText("good morning", { exact: true }).waitFor();
  }],
  ["a start that the quota has no room for says so where it is asked for", async () => {
    await page.goto(`${home}spaces/${first}`);
    await button("Start first").click();
    await alert.getByText("Your quota of 2 compute units doesn’t suffice: 1 in use, 3 more wanted.").waitFor();
    await page.locator("main .head .status", { hasText: "Not started yet" }).waitFor();
  }],
  ["every page is fit for those who don't see it, in light and dark, and fits a phone", async () => {
    if (findings.length > 0) throw new Error(findings.join("\n"));
    equal(page.complaints, []);
  }],
];

// A browser that is judged and photographed on a busy machine takes its time.
await run(checks, 55_000);
