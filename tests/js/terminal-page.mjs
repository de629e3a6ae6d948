// The page of terminals as people see it: what they type there, and what is drawn.

import { mkdirSync } from "node:fs";

/** How long a page may take until it has drawn what there is. */
const REDRAW_TIMEOUT_MS = 20_000;

/** The terminal that is seen. */
export const SEEN = '[role="tabpanel"]:not([hidden]) .host';

/** The type that the input of a mutation has, if it has one of its own. */
const inputOf = (name) => `${name[0].toUpperCase()}${name.slice(1)}Input`;

/** What GraphQL answers to a mutation. */
export async function mutate(graphql, token, name, input, fields = "problems { code }", type = inputOf(name)) {
  const response = await fetch(graphql, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify({
      query: `mutation ($input: ${type}!) { ${name}(input: $input) { ${fields} } }`,
      variables: { input },
    }),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(JSON.stringify(errors));
  return data[name];
}

/** A page of somebody's own browser, at the URL that signs them in to a space's terminals. */
export async function open(browser, url, size, colorScheme) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: size, colorScheme });
  const page = await context.newPage();
  page.complaints = [];
  page.on("pageerror", ({ message }) => page.complaints.push(message));
  page.on("console", (it) => {
    if (/content security|refused to/i.test(it.text())) page.complaints.push(it.text());
  });
  page.resets = 0;
  page.sockets = 0;
  page.on("websocket", (socket) => {
    page.sockets += 1;
    socket.on("framereceived", ({ payload }) => {
      if (typeof payload !== "string" && payload[0] === 6) page.resets += 1;
    });
  });
  await page.goto(url);
  return page;
}

/** Waits until the terminal that is seen is attached to. */
export const attached = (page) => page.waitForSelector(`.tab[data-state="open"] [aria-selected="true"]`);

/** What lays screenshots in a folder, to be looked at. */
export function camera(folder) {
  mkdirSync(folder, { recursive: true });
  return (page, name) => page.screenshot({ path: `${folder}/${name}.png` });
}

/** Takes pictures of what is seen everywhere, when something isn't as it should be. */
export function failure(browser, picture) {
  const pages = browser.contexts().flatMap((context) => context.pages());
  return Promise.all(pages.map((it, at) => picture(it, `failed-${at + 1}`)));
}

/** Types a line. */
export async function type(page, text) {
  await page.keyboard.type(text);
  await page.keyboard.press("Enter");
}

/** Runs a command, and waits until it has written a line and the shell is there again. */
export async function runs(page, command, line) {
  await type(page, command);
  await shows(page, line);
  await page.waitForFunction((seen) => {
    const { active } = document.querySelector(seen).xterm.buffer;
    return active.getLine(active.baseY + active.cursorY).translateToString(true) === "$ ";
  }, SEEN);
}

/** Waits until a line of the terminal that is seen is as said. */
export async function shows(page, line) {
  await page.waitForFunction(
    ([seen, wanted]) => {
      const buffer = document.querySelector(seen)?.xterm.buffer.active;
      for (let at = buffer ? buffer.length - 1 : -1; at >= 0; at -= 1) {
        if (buffer.getLine(at).translateToString(true) === wanted) return true;
      }
      return false;
    },
    [SEEN, line],
  );
}

/**
 * Everything that is drawn in the terminal that is seen: text, colours and attributes of every cell,
 * scrollback included, where the cursor is, and the modes that programs set.
 */
export function drawn(page) {
  return page.evaluate((seen) => {
    const { xterm } = document.querySelector(seen);
    const { active } = xterm.buffer;
    const lines = [];
    const cell = active.getNullCell();
    for (let at = 0; at < active.length; at += 1) {
      const line = active.getLine(at);
      let text = line.isWrapped ? "~" : "";
      let last = "";
      // Blanks behind the last thing that is seen are nothing, written or not.
      let end = line.length;
      while (end > 0) {
        line.getCell(end - 1, cell);
        const isSeen = cell.getChars().trim() || cell.getWidth() === 0 || !cell.isBgDefault();
        if (isSeen || cell.isInverse() || cell.isUnderline()) break;
        end -= 1;
      }
      for (let x = 0; x < end; x += 1) {
        line.getCell(x, cell);
        // The first colours of a palette are the same in whichever way they were named.
        const [fg, bg] = [cell.isFgPalette() || cell.getFgColorMode(), cell.isBgPalette() || cell.getBgColorMode()];
        const look = [
          fg, cell.getFgColor(), bg, cell.getBgColor(), cell.isBold(), cell.isDim(), cell.isItalic(),
          cell.isUnderline(), cell.isInverse(), cell.isStrikethrough(), cell.isBlink(),
        ].join();
        if (look !== last) text += `<${look}>`;
        last = look;
        text += cell.getChars() || " ";
      }
      lines.push(text);
    }
    return {
      lines,
      kind: active.type,
      size: [xterm.cols, xterm.rows],
      cursor: [active.cursorX, active.cursorY],
      base: active.baseY,
      modes: { ...xterm.modes, synchronizedOutputMode: undefined },
    };
  }, SEEN);
}

/** What differs between two drawings; nothing if they are alike. */
function difference(now, before) {
  const at = before.lines.findIndex((line, at) => line !== now.lines[at]);
  if (at >= 0) {
    const lengths = `of ${now.lines.length} and ${before.lines.length} lines`;
    return `line ${at}: ${now.lines[at]}\ninstead of ${before.lines[at]} (${lengths})`;
  }
  const [a, b] = [now, before].map((it) => JSON.stringify({ ...it, lines: it.lines.length }));
  return a === b ? undefined : `${a} instead of ${b}`;
}

/** Waits until nothing differs any more. */
async function agree(compare) {
  const deadline = Date.now() + REDRAW_TIMEOUT_MS;
  let differs = await compare();
  while (differs && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    differs = await compare();
  }
  if (differs) throw new Error(differs);
}

/** Loads the page anew and waits until exactly the same is drawn in the terminal that is seen. */
export async function reload(page) {
  const before = await drawn(page);
  await page.reload();
  await attached(page);
  await agree(async () => difference(await drawn(page), before));
}

/** Waits until two pages have the same size, and the same in the last lines of the terminal that is seen. */
export function alike(one, other) {
  const end = async (page) => {
    const { lines, size } = await drawn(page);
    return { lines: lines.slice(-5), size };
  };
  return agree(async () => difference(await end(one), await end(other)));
}

/** What the tabs are called. */
export const titles = (page) => page.locator('[role="tab"]').allTextContents();
/** What is said about the terminal that is seen. */
export const notice = (page) => page.locator('[role="tabpanel"]:not([hidden]) .notice');
