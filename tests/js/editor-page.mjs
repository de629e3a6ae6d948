// Code Server's workbench as people see it.

/** How long the editor may take to be there, or to open something. */
export const TIMEOUT_MS = 45_000;

const PALETTE = ".quick-input-widget input[type=text]";

/** Waits until the workbench is there. */
export async function isOpen(page) {
  page.setDefaultTimeout(TIMEOUT_MS);
  await shown(page, ".monaco-workbench");
  await shown(page, ".statusbar");
}

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
  const input = page.locator(PALETTE);
  await input.waitFor();
  await input.fill(`>${title}`);
  await page.locator(".quick-input-list .monaco-list-row", { hasText: title }).first().waitFor();
  await page.keyboard.press("Enter");
}

/** Saves what has no name yet. */
export async function saveAs(page, path) {
  await page.keyboard.press("Control+S");
  const input = page.locator(PALETTE);
  await input.waitFor();
  await input.fill(path);
  await page.keyboard.press("Enter");
}
