// The page of a desktop as people see it: what is drawn there, and what they do to it.

/** Waits until the desktop is there. */
export const open = (page) => page.waitForSelector('body[data-state="open"]');
/** What is said while it isn't. */
export const notice = (page) => page.locator("#notice");

/** The size of the desktop, in its own pixels. */
export function size(page) {
  return page.evaluate(() => {
    const { width, height } = document.querySelector("#screen canvas");
    return [width, height];
  });
}

/** Waits until the desktop is as large as the part of the window that is for it. */
export function fits(page) {
  return page.waitForFunction(() => {
    const canvas = document.querySelector('body[data-state="open"] #screen canvas');
    const { clientWidth, clientHeight } = document.querySelector("#screen");
    return canvas?.width === clientWidth && canvas.height === clientHeight;
  });
}

/** How many colours are seen in a grid of places. */
function colours(page) {
  return page.evaluate(() => {
    const canvas = document.querySelector("#screen canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const seen = new Set();
    for (let at = 0; at < data.length; at += 4) seen.add((data[at] << 16) | (data[at + 1] << 8) | data[at + 2]);
    return seen.size;
  });
}

/** The window manager's own line, whose clock changes by itself, in pixels. */
const TASK_BAR_HEIGHT = 40;

/** What is drawn above it, as a fingerprint. */
async function drawn(page) {
  const hash = await page.evaluate((barHeight) => {
    const canvas = document.querySelector("#screen canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height - barHeight);
    return crypto.subtle.digest("SHA-256", data).then((it) => [...new Uint8Array(it)]);
  }, TASK_BAR_HEIGHT);
  return hash.join();
}

/** Asks again and again, for what no event tells. */
export async function until(page, isSo) {
  while (!(await isSo())) await page.waitForTimeout(50);
}

/** Waits until more is drawn than a plain area: a window manager draws in some colours. */
export const isDrawn = (page) => until(page, async () => (await colours(page)) > 8);

/** Does something, and waits until the desktop looks other than before. */
export async function changes(page, act) {
  const before = await drawn(page);
  await act();
  await until(page, async () => (await drawn(page)) !== before);
}

/** Clicks at a place of the desktop. */
export const click = (page, x, y, options = {}) =>
  page.locator("#screen canvas").click({ position: { x, y }, ...options });
