/** What somebody presses gets its click only if it is still under the pointer when that is let go. */

/** Of some presses nobody learns that they have ended: a menu of the browser may take that. */
const PRESS_MAX_MS = 10_000;

let press: Promise<void> = Promise.resolve();
let end = () => {};

document.addEventListener("pointerdown", ({ button }) => {
  if (button !== 0) return;
  press = new Promise((resolve) => (end = resolve));
  setTimeout(end, PRESS_MAX_MS);
});
for (const type of ["pointerup", "pointercancel"]) {
  // The click comes behind it.
  document.addEventListener(type, () => setTimeout(end));
}

/** Waits until nothing is pressed. */
export const released = () => press;
