// The dashboard as people see it: what is asked of every page of it, and of Spaceport's other pages.

import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** How long one step may take on a busy machine. */
const STEP_TIMEOUT_MS = 20_000;
const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };

/** A page in a browser of its own. What it complains about is noted, with that of all tabs that are opened there. */
export async function open(browser, url) {
  const context = await browser.newContext({ viewport: DESKTOP, colorScheme: "light", ignoreHTTPSErrors: true });
  context.setDefaultTimeout(STEP_TIMEOUT_MS);
  const complaints = [];
  context.on("page", (page) => noteComplaints(page, complaints));
  const page = await context.newPage();
  await page.goto(url);
  return page;
}

function noteComplaints(page, complaints) {
  page.complaints = complaints;
  const note = (text) => complaints.push(`${page.url()}: ${text}`);
  page.on("pageerror", ({ message }) => note(message));
  page.on("console", (it) => {
    if (/content.security|refused to|violates/i.test(it.text())) note(it.text());
  });
}

export async function signIn(page, userName, password) {
  await page.getByLabel("User name").fill(userName);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/**
 * What looks at a page in light and dark, at a desk and on a phone: lays pictures in a folder, lets
 * axe judge it, and sees that nothing is wider than the phone. `findings` gets what is wrong. The page
 * is as it was afterwards.
 */
export function inspector(folder, findings) {
  mkdirSync(folder, { recursive: true });
  return async (page, name) => {
    const size = page.viewportSize();
    const isDark = await page.evaluate(() => matchMedia("(prefers-color-scheme: dark)").matches);
    for (const [device, size] of [["desktop", DESKTOP], ["phone", PHONE]]) {
      await page.setViewportSize(size);
      for (const colorScheme of ["light", "dark"]) {
        await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        await page.screenshot({ path: `${folder}/${name}-${device}-${colorScheme}.png`, fullPage: true });
        findings.push(...(await judged(page)).map((it) => `${name}, ${device}, ${colorScheme}: ${it}`));
      }
      const beyond = await page.evaluate(() => document.scrollingElement.scrollWidth - innerWidth);
      if (beyond > 0) findings.push(`${name}, ${device}: ${beyond} pixels wider than the window`);
    }
    await page.setViewportSize(size);
    await page.emulateMedia({ colorScheme: isDark ? "dark" : "light", reducedMotion: null });
  };
}

/**
 * What axe finds serious or critical. `excused` are parts of pages with what is somebody else's to mend
 * there: pairs of a rule and a selector. What the debugger evaluates is not the page's policy's matter.
 */
export async function judged(page, excused = []) {
  await page.evaluate(axe);
  const judge = async (excused) => {
    const { violations } = await globalThis.axe.run("html", { resultTypes: ["violations"], elementRef: true });
    const isExcused = (id, { element }) => excused.some(([rule, part]) => rule === id && element.matches(part));
    return violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, nodes }) => ({ id, nodes: nodes.filter((it) => !isExcused(id, it)) }))
      .filter(({ nodes }) => nodes.length > 0)
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join("; ")}`);
  };
  return page.evaluate(judge, excused);
}
