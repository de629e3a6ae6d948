// What people do with the files of a space, in a real browser, whatever those are called.

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open as openFile, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";

import { args, equal, run } from "./checks.mjs";
import { launch, network } from "./chromium.mjs";
import { inspector, open } from "./dashboard-page.mjs";
import { please } from "./please.mjs";
import { mutate } from "./terminal-page.mjs";

const [setting] = args("files.mjs SETTING", 1);
const {
  graphql, token, space, // The space, and its owner's token.
  names, // Of files in the folder `hostile`, as they are, each of which holds its own name.
  largeBytes, // How large the file `large` is.
  pictures, // A folder.
  sockets, // A folder of sockets, named like the ports that they stand for.
} = JSON.parse(setting);

const findings = [];
const inspect = inspector(pictures, findings);
const world = await network(sockets);
const browser = await launch();
const { url } = await mutate(graphql, token, "openApp", { spaceId: space, app: "files" }, "url");
const page = await open(browser, url);
// What a file's name or content could make a page do.
page.on("dialog", (dialog) => page.complaints.push(`a dialog: ${dialog.message()}`) && dialog.dismiss());

const entry = (name) => page.locator("#entries li").filter({ has: page.getByText(name, { exact: true }) });
const link = (name) => entry(name).getByRole("link");
const button = (name) => page.getByRole("button", { name, exact: true });
const here = (name) => page.locator('#way [aria-current="page"]', { hasText: name }).waitFor();
const upload = (name) => page.locator("#uploads li").filter({ hasText: name });
const dialog = () => page.getByRole("dialog");

/** The names that are shown, in their order. */
const shown = () => page.locator("#entries .what:not(.up) bdi").allTextContents();

/** Clicks at a file, and gives the download that this begins. */
async function download(name) {
  const [begun] = await Promise.all([page.waitForEvent("download"), link(name).click()]);
  return begun;
}

/** Chooses files by the button, as soon as that can be used. */
async function choose(files) {
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), button("Upload").click()]);
  await chooser.setFiles(files);
}

/** A file that somebody drags. */
const dragged = (name, text) =>
  page.evaluateHandle(([name, text]) => {
    const data = new DataTransfer();
    data.items.add(new File([text], name));
    return data;
  }, [name, text]);

/** Drops a file on the page, as if it came from elsewhere. */
async function drop(name, text) {
  const data = await dragged(name, text);
  await page.dispatchEvent("main", "dragover", { dataTransfer: data });
  await inspect(page, "drop");
  await page.dispatchEvent("main", "drop", { dataTransfer: data });
}

async function digest(path) {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path)) hash.update(piece);
  return hash.digest("hex");
}

/** A large file on this side. */
async function makeLarge() {
  const path = `${tmpdir()}/spaceport-test-${process.pid}-large`;
  const file = await openFile(path, "w");
  await file.truncate(largeBytes);
  await file.write("its end", largeBytes - 7);
  await file.close();
  return path;
}

const checks = [
  ["whoever opens the files of a space sees its home, folders first", async () => {
    await here("Home");
    await link("hostile").waitFor();
    const folders = ["data", "folder", "hostile", "locked", "work"];
    const files = ["away", "hello.txt", "large", "nowhere"];
    equal((await shown()).filter((it) => !it.startsWith(".")), [...folders, ...files]);
    await entry("hello.txt").getByText("6 B", { exact: true }).waitFor();
    equal(new URL(page.url()).pathname, "/browse/home/");
    equal(await page.title(), "Home · lab");
    await inspect(page, "home");
  }],
  ["a file is downloaded by a click, under its name", async () => {
    const begun = await download("hello.txt");
    equal(begun.suggestedFilename(), "hello.txt");
    equal(await readFile(await begun.path(), "utf8"), "hello\n");
  }],
  ["folders are entered and left by the keyboard alone, and by the browser's own ways", async () => {
    await link("folder").focus();
    await page.keyboard.press("Enter");
    await here("folder");
    await page.getByText("This folder is empty.").waitFor();
    equal(new URL(page.url()).pathname, "/browse/home/folder");
    await inspect(page, "empty");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await here("Home");
    await page.goBack();
    await here("folder");
    await page.reload();
    await here("folder");
    await page.getByRole("link", { name: "Up" }).click();
    await here("Home");
  }],
  ["no name is anything but a name", async () => {
    await link("hostile").click();
    await page.locator("#sum", { hasText: `${names.length} files` }).waitFor();
    const seen = names.map((name) => name.replace("\n", "\u240a").replace("\u202e", "\ufffd"));
    equal((await shown()).sort(), seen.toSorted());
    equal(await page.locator("#entries img, #entries script, #entries b").count(), 0);
    await inspect(page, "hostile");
    for (const name of names) {
      const begun = await download(name.replace("\n", "\u240a").replace("\u202e", "\ufffd"));
      equal(await readFile(await begun.path(), "utf8"), name);
    }
    await page.goBack();
    await here("Home");
  }],
  ["no file of the space is a script of the page", async () => {
    equal(page.complaints, []);
    await link("data").click();
    const loaded = page.evaluate(() => import("/home/data/script.js").then(() => "ran", () => "refused"));
    equal(await loaded, "refused");
    equal(await page.evaluate(() => globalThis.ran), undefined);
    // The browser has complained about it.
    page.complaints.length = 0;
    const begun = page.waitForEvent("download");
    const visit = page.evaluate(() => void open("/home/data/page.html", "_self"));
    await Promise.all([visit, begun]);
    await here("data");
    // Of a name that is no text, the bytes count.
    equal(await readFile(await (await download("no \ufffd text")).path(), "utf8"), "bytes");
  }],
  ["links lead on, and say so where they don't", async () => {
    await page.getByRole("link", { name: "Home" }).first().click();
    await link("away").click();
    await here("away");
    await link("hostname").waitFor();
    await page.goBack();
    await link("nowhere").click();
    await page.getByRole("alert").getByText("It isn’t there.").waitFor();
    await inspect(page, "nowhere");
    await page.getByRole("link", { name: "Up" }).click();
    await link("locked").click();
    await page.getByText("The space’s user may not do that.").waitFor();
    equal(await button("Upload").isDisabled(), true);
    await page.getByRole("link", { name: "All files" }).click();
    await link("etc").click();
    await link("hostname").waitFor();
    await page.goto(`${new URL(page.url()).origin}/browse/fs/etc/hostname`);
    await page.getByText("This is a file of").waitFor();
    await inspect(page, "file");
    const [begun] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("link", { name: "Download" }).click(),
    ]);
    equal(begun.suggestedFilename(), "hostname");
  }],
  ["a folder is made, and a name that can't be is refused where it is typed", async () => {
    await page.getByRole("link", { name: "Home" }).first().click();
    await button("New folder").click();
    const name = dialog().getByLabel("Name");
    for (const [bad, words] of [["", "Give it a name."], ["a/b", "no slash"], ["folder", "already"]]) {
      await name.fill(bad);
      await page.keyboard.press("Enter");
      await dialog().getByText(words).waitFor();
    }
    await inspect(page, "naming");
    await name.fill("nêw #1 & co");
    await page.keyboard.press("Enter");
    await link("nêw #1 & co").click();
    await here("nêw #1 & co");
  }],
  ["files are uploaded by the button and by dropping them", async () => {
    await choose([
      { name: "100% <b>bold<b>.txt", mimeType: "text/html", buffer: Buffer.from("one") },
      { name: "empty", mimeType: "text/plain", buffer: Buffer.from("") },
    ]);
    await entry("100% <b>bold<b>.txt").getByText("3 B", { exact: true }).waitFor();
    await entry("empty").getByText("0 B", { exact: true }).waitFor();
    await drop("dropped.txt", "two");
    await upload("dropped.txt").getByText("Uploaded, 3 B").waitFor();
    await entry("dropped.txt").getByText("3 B", { exact: true }).waitFor();
    await please('hold nêw #1 & co/100% <b>bold<b>.txt: one');
    await please("hold nêw #1 & co/dropped.txt: two");
    await inspect(page, "uploaded");
    await button("Dismiss").click();
  }],
  ["what is there already is replaced only by who wants that", async () => {
    const again = { name: "dropped.txt", mimeType: "text/plain", buffer: Buffer.from("three") };
    await choose([again]);
    await dialog().getByText("dropped.txt is there already. Replace it?").waitFor();
    await inspect(page, "replace");
    // What is dropped meanwhile doesn't change what is asked.
    await page.dispatchEvent("main", "drop", { dataTransfer: await dragged("late.txt", "four") });
    await dialog().getByText("dropped.txt is there already. Replace it?").waitFor();
    await page.keyboard.press("Escape");
    equal(await entry("late.txt").count(), 0);
    await please("hold nêw #1 & co/dropped.txt: two");
    await choose([again]);
    await dialog().getByRole("button", { name: "Replace" }).click();
    await entry("dropped.txt").getByText("5 B", { exact: true }).waitFor();
    await please("hold nêw #1 & co/dropped.txt: three");
  }],
  ["things are renamed and deleted, and who does it stays where they were", async () => {
    await button("Rename dropped.txt").click();
    const name = dialog().getByLabel("Name");
    // The ending isn't selected.
    await page.keyboard.type("moved");
    equal(await name.inputValue(), "moved.txt");
    await name.fill("empty");
    await page.keyboard.press("Enter");
    await dialog().getByText("Something of this name is there already.").waitFor();
    await name.fill("moved.txt");
    await page.keyboard.press("Enter");
    await link("moved.txt").waitFor();
    await please("hold nêw #1 & co/moved.txt: three");
    await button("Delete moved.txt").click();
    await page.keyboard.press("Escape");
    await button("Delete moved.txt").click();
    await dialog().getByRole("button", { name: "Delete" }).click();
    await link("moved.txt").waitFor({ state: "hidden" });
    equal(await page.evaluate(() => document.activeElement.closest("li") !== null), true);
    await page.getByRole("link", { name: "Up" }).click();
    await button("Delete nêw #1 & co").click();
    await dialog().getByText("and everything in it").waitFor();
    await inspect(page, "delete");
    await dialog().getByRole("button", { name: "Delete" }).click();
    await link("nêw #1 & co").waitFor({ state: "hidden" });
  }],
  ["a large file goes both ways as it is, also after its way broke", async () => {
    const large = await makeLarge();
    await choose(large);
    const name = large.split("/").at(-1);
    await upload(name).locator("progress").waitFor();
    world.cut();
    await upload(name).getByText("The connection broke.").waitFor();
    await inspect(page, "broken");
    world.mend();
    await upload(name).getByRole("button", { name: "Try again" }).click();
    await link(name).waitFor();
    await please(`match ${name}: ${await digest(large)}`);
    const begun = await download("large");
    await please(`match large: ${await digest(await begun.path())}`);
    await rm(large);
  }],
  ["what changes meanwhile is seen by who comes back", async () => {
    await please("write later.txt");
    await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
    await link("later.txt").waitFor();
  }],
  ["who isn't signed in any more is told so", async () => {
    await please("end the sign-ins");
    await button("Delete later.txt").click();
    await dialog().getByRole("button", { name: "Delete" }).click();
    await dialog().getByText("Your sign-in has ended.").waitFor();
    await dialog().getByRole("button", { name: "OK" }).click();
    await page.getByRole("alert").getByText("Your sign-in has ended.").waitFor();
    await inspect(page, "signed-out");
    await button("Go on").click();
    await page.waitForURL(/\/apps\/sign-in\?/);
  }],
  ["every page is fit for those who don't see it, in light and dark, and fits a phone", async () => {
    equal(findings, []);
    equal(page.complaints, []);
  }],
];

// A browser that is judged and photographed on a busy machine takes its time.
await run(checks, 55_000);
