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
/** How long nothing changes on a desktop that is still. */
const STILL_MS = 250;

/** What is drawn above it, right of and below a place, as a fingerprint. */
async function drawn(page, [x, y]) {
  const hash = await page.evaluate(([x, y, barHeight]) => {
    const canvas = document.querySelector("#screen canvas");
    const [width, height] = [canvas.width, canvas.height];
    const { data } = canvas.getContext("2d").getImageData(x, y, width - x, height - y - barHeight);
    return crypto.subtle.digest("SHA-256", data).then((it) => [...new Uint8Array(it)]);
  }, [x, y, TASK_BAR_HEIGHT]);
  return hash.join();
}

/** Waits until nothing changes any more on the desktop. Gives what is drawn. */
async function still(page, from) {
  let before;
  let now = await drawn(page, from);
  while (now !== before) {
    await page.waitForTimeout(STILL_MS);
    [before, now] = [now, await drawn(page, from)];
  }
  return now;
}

/** Asks again and again, for what no event tells. */
export async function until(page, isSo) {
  while (!(await isSo())) await page.waitForTimeout(50);
}

/** Waits until more is drawn than a plain area: a window manager draws in some colours. */
export const isDrawn = (page) => until(page, async () => (await colours(page)) > 8);

/** Does something, and waits until the desktop looks other than before, right of and below a place. */
export async function changes(page, act, from = [0, 0]) {
  const before = await still(page, from);
  await act();
  await until(page, async () => (await drawn(page, from)) !== before);
}

/** Clicks at a place of the desktop. */
export const click = (page, x, y, options = {}) =>
  page.locator("#screen canvas").click({ position: { x, y }, ...options });
