// What people do with private apps, in a real browser: sign in on the way to a deep link, go on to
// another app, are not spied on by a hostile page, start a stopped space, and sign out.

import { args, equal, run } from "./checks.mjs";
import { launch, network } from "./chromium.mjs";
import { inspector } from "./dashboard-page.mjs";

const [setting] = args("browser.mjs SETTING", 1);
const {
  graphql, token, space, userName, password, // The person, and their running space.
  app, kin, // Two apps of theirs.
  hostile, // A public page of somebody else's.
  pictures, // A folder.
  sockets, // A folder of sockets, named like the ports that they stand for.
} = JSON.parse(setting);
const cookieName = "__Host-spaceport-app";

await network(sockets);
const browser = await launch();
const context = await browser.newContext({ ignoreHTTPSErrors: true });
const page = await context.newPage();

const findings = [];
const inspect = inspector(pictures, findings);

/** What the server in a space says it got, from the page that shows it. */
async function shown() {
  return JSON.parse(await page.evaluate(() => document.body.innerText));
}

async function signIn(on = page) {
  await on.getByLabel("User name").fill(userName);
  await on.getByLabel("Password").fill(password);
  await on.getByRole("button", { name: "Sign in" }).click();
}

async function isSignInPage() {
  equal(new URL(page.url()).origin, new URL(graphql).origin);
  await page.getByLabel("Password").waitFor();
}

/** Targets of the requests that the server behind an app has got. */
async function reached(url) {
  await page.goto(`${url}/seen`);
  return (await shown()).map((request) => request.target);
}

/** Stops the space, and waits until whoever comes is told so. */
async function stop() {
  const input = { spaceId: space };
  await ask("mutation($input: SpaceIdInput!) { stopSpace(input: $input) { problems { code } } }", { input });
  const stopped = page.getByRole("heading", { name: "Stopped" });
  while (!(await stopped.isVisible())) await page.goto(`${app}/again`);
}

async function ask(query, variables) {
  const response = await fetch(graphql, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

/** From the page that is open: whether a WebSocket opens and echoes. */
function echoes(url) {
  return page.evaluate(
    (target) =>
      new Promise((resolve) => {
        const socket = new WebSocket(target);
        socket.onopen = () => socket.send("hello");
        socket.onmessage = (message) => resolve(message.data === "hello");
        socket.onerror = () => resolve(false);
      }),
    `${url.replace("https:", "wss:")}/websocket`,
  );
}

const checks = [
  ["a deep link survives the sign-in", async () => {
    await page.goto(`${app}/deep/link?x=1&y=%2F`);
    await isSignInPage();
    await inspect(page, "sign-in");
    await signIn();
    await page.waitForURL(`${app}/deep/link?x=1&y=%2F`);
    const request = await shown();
    equal(request.target, "/deep/link?x=1&y=%2F");
    const ours = request.headers.filter(([, value]) => value.includes("spaceport"));
    equal(ours, []);
  }],
  ["the ticket is a cookie of the app's host that no page reads", async () => {
    const all = await context.cookies();
    const cookie = all.find(({ name }) => name === cookieName);
    equal(cookie.domain, new URL(app).hostname);
    equal([cookie.path, cookie.secure, cookie.httpOnly, cookie.sameSite], ["/", true, true, "Lax"]);
    equal(await page.evaluate(() => document.cookie), "");
  }],
  ["another app of the space asks nothing again", async () => {
    await page.goto(`${kin}/other`);
    equal(page.url(), `${kin}/other`);
    equal((await shown()).target, "/other");
  }],
  ["apps of one space speak with themselves and each other", async () => {
    await page.goto(`${app}/`);
    equal(await echoes(app), true);
    equal(await echoes(kin), true);
    // The app allows no page to read its answer, but the request reaches it.
    await page.evaluate((url) => fetch(url, { mode: "no-cors", credentials: "include" }), `${kin}/from-kin`);
    equal((await reached(kin)).includes("/from-kin"), true);
  }],
  ["a hostile page reaches nothing, but by a link", async () => {
    await page.goto(hostile);
    equal(await echoes(app), false);
    await page.evaluate(async (url) => {
      const options = { mode: "no-cors", credentials: "include" };
      await fetch(`${url}/fetched`, options).catch(() => {});
      await fetch(`${url}/posted`, { ...options, method: "POST", body: "a=b" }).catch(() => {});
      const ended = (element) =>
        new Promise((resolve) => {
          element.onload = resolve;
          element.onerror = resolve;
          document.body.append(element);
        });
      const [image, frame] = ["img", "iframe"].map((name) => document.createElement(name));
      image.src = `${url}/image`;
      frame.src = `${url}/frame`;
      await Promise.all([ended(image), ended(frame)]);
    }, app);
    const all = await reached(app);
    for (const target of ["/fetched", "/posted", "/image", "/frame"]) {
      equal([target, all.includes(target)], [target, false]);
    }
    await page.goto(hostile);
    await page.evaluate((url) => {
      const link = document.createElement("a");
      link.href = url;
      document.body.append(link);
      link.click();
    }, `${app}/linked`);
    await page.waitForURL(`${app}/linked`);
  }],
  ["a stopped space says so and is started on the way", async () => {
    await stop();
    await inspect(page, "stopped");
    await page.getByRole("link", { name: "Start it" }).click();
    await inspect(page, "start");
    await page.getByRole("button", { name: /^Start/ }).click();
    // The pages that say it is starting, and that nothing listens yet, look again by themselves.
    await page.waitForURL(`${app}/again`);
    await page.getByText('"target"').waitFor();
  }],
  ["who comes from the dashboard to a stopped space signs in once, and that starts it", async () => {
    await stop();
    const other = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage();
    const wanted = { spaceId: space, app: new URL(app).hostname.split("--")[0] };
    const { openApp } = await ask("mutation($input: OpenAppInput!) { openApp(input: $input) { url } }", { input: wanted });
    const start = other.getByRole("link", { name: "Start it" });
    await other.goto(openApp.url);
    await start.click();
    await signIn(other);
    await other.waitForURL(`${app}/`);
    await other.getByText('"target"').waitFor();
    await other.context().close();
  }],
  ["signing out ends what was opened", async () => {
    const origin = new URL(graphql).origin;
    await page.goto(`${origin}/apps/sign-out`);
    await inspect(page, "sign-out");
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.waitForLoadState();
    const entered = async () => {
      await page.goto(`${app}/after`);
      return page.url().startsWith(app);
    };
    while (await entered()) await page.waitForTimeout(50);
    await isSignInPage();
  }],
  ["every page on the way is fit for those who don't see it, in light and dark, and fits a phone", async () => {
    equal(findings, []);
  }],
];

// Ends the process, and the browser with it. A space that stops, starts and serves on a busy machine
// takes its time, and so does a page that is judged and photographed.
await run(checks, 55_000);
