// Code Server's workbench as people see it.

/** How long the editor may take to be there, or to open something. */
export const TIMEOUT_MS = 40_000;

/** Waits until the workbench is there, and does what it is told. */
export async function isOpen(page) {
  page.setDefaultTimeout(TIMEOUT_MS);
  await shown(page, ".monaco-workbench");
  await shown(page, ".statusbar");
  await isStill(page);
}

/** Waits until nothing is being activated: what is opened may need more than what is open. */
export const isStill = (page) =>
  page.locator(".statusbar-item", { hasText: "Activating Extensions" }).waitFor({ state: "detached" });

/** Waits until something is shown. */
export const shown = (page, selector) => page.locator(selector).first().waitFor();

/** A file in the list of the folder. */
export const file = (page, name) =>
  page.locator(".explorer-folders-view .monaco-list-row", { hasText: name });

/** A line of the file that is edited. */
export const line = (page, text) => page.locator(".monaco-editor .view-line", { hasText: text });

/** Runs a command by the palette. */
export async function command(page, title) {
  await page.keyboard.press("F1");
  const input = page.locator(".quick-input-widget input[type=text]");
  await input.waitFor();
  await input.fill(`>${title}`);
  // All of its name is marked once the list is of what is typed, and not of what was run lately.
  const whole = { hasText: new RegExp(`^${title}$`) };
  const listed = page.locator(".label-name", whole).filter({ has: page.locator(".highlight", whole) });
  await page.locator(".quick-input-list .monaco-list-row").filter({ has: listed }).waitFor();
  // Others that have the same words may be listed before it.
  const chosen = page.locator(".quick-input-list .monaco-list-row.focused").filter({ has: listed });
  while (!(await chosen.isVisible())) await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
}

/** Opens one more terminal, and waits until its shell asks and what is typed goes there. */
export async function newTerminal(page) {
  const known = await page.evaluateHandle(() => new Set(document.querySelectorAll(".terminal-wrapper")));
  await command(page, "Terminal: Create New Terminal");
  await page.waitForFunction((known) => {
    const typedInto = document.activeElement?.matches(".xterm-helper-textarea") && document.activeElement;
    const terminal = typedInto && typedInto.closest(".terminal-wrapper.active");
    return terminal && !known.has(terminal) && terminal.querySelector(".terminal-command-decoration");
  }, known);
}

/** Saves by its keys what isn't saved yet; the editor must not save by itself. */
export async function save(page) {
  await shown(page, ".tab.dirty");
  await page.keyboard.press("Control+S");
  await page.locator(".tab.dirty").waitFor({ state: "detached" });
}

/** Makes a file in the folder, writes a line in it and saves it, if the editor hasn't by itself. */
export async function write(page, name, text) {
  await page.locator(".explorer-folders-view").hover();
  await page.getByRole("button", { name: "New File..." }).first().click();
  const input = page.locator(".explorer-item-edited input");
  await input.waitFor();
  await input.fill(name);
  await page.keyboard.press("Enter");
  await shown(page, `.tab.active[aria-label^="${name}"]`);
  await shown(page, ".monaco-editor.focused");
  await page.keyboard.type(text);
  await line(page, text).waitFor();
  await page.keyboard.press("Control+S");
}
