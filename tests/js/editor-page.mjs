// Code Server's workbench as people see it.

/** How long the editor may take to be there, or to open something. */
export const TIMEOUT_MS = 40_000;

/** Waits until the workbench is there, and does what it is told. */
export async function isOpen(page) {
  page.setDefaultTimeout(TIMEOUT_MS);
  await shown(page, ".monaco-workbench");
  await shown(page, ".statusbar");
  await page.locator(".statusbar-item", { hasText: "Activating Extensions" }).waitFor({ state: "detached" });
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
  const input = page.locator(".quick-input-widget input[type=text]");
  await input.waitFor();
  await input.fill(`>${title}`);
  await page.locator(".quick-input-list .monaco-list-row", { hasText: title }).first().waitFor();
  await page.keyboard.press("Enter");
}

/** Makes a file in the folder, writes a line in it and saves it. */
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
  await shown(page, `.tab.active:not(.dirty)[aria-label^="${name}"]`);
}
