/** The switch with which somebody shares their browser's clipboard with the desktop. */

import type { Clipboard } from "./clipboard";

/** A browser tab's memory: another tab, and the next visit, begin without. */
const KEY = "clipboard-shared";

const SHARED = "What you copy elsewhere can be pasted on the desktop, until you turn this off.";
const REFUSED = "The browser doesn’t allow it. Paste the text above instead.";

/** Shows the switch where it is of use. Some browsers ask for every reading: there, people paste. */
export async function offerSharing(clipboard: Clipboard, box: HTMLInputElement, words: HTMLElement): Promise<void> {
  const name = "clipboard-read" as PermissionName;
  const permission = await navigator.permissions?.query({ name }).catch(() => undefined);
  if (!permission) return;
  const show = (text: string): void => {
    box.checked = clipboard.isShared;
    words.textContent = text;
    if (clipboard.isShared) sessionStorage.setItem(KEY, "yes");
    else sessionStorage.removeItem(KEY);
  };
  const share = async (): Promise<void> => {
    const isAllowed = await clipboard.share();
    // Whoever turned it off again meanwhile knows.
    if (box.checked) show(isAllowed ? SHARED : REFUSED);
  };
  const keep = (): void => {
    clipboard.keep();
    show("");
  };
  box.addEventListener("change", () => void (box.checked ? share() : keep()));
  permission.addEventListener("change", () => {
    if (permission.state === "denied" && clipboard.isShared) {
      clipboard.keep();
      show(REFUSED);
    }
  });
  if (permission.state === "granted" && sessionStorage.getItem(KEY)) {
    clipboard.shareOn();
    show(SHARED);
  }
  box.labels?.forEach((label) => (label.hidden = false));
}
