/** The keyboard's place on the page, kept when what had it goes. */

/** A dialog that closes gives the focus back by itself, in the next frame. So do forms and lists. */
const PATIENCE_FRAMES = 2;

/**
 * When the element that has the focus is taken away or disabled, the focus moves to the card that it
 * stood in, or to `main`: else it would be nowhere, and the next key would begin at the top of the
 * page. A form or a list that knows better takes it on from there. Gives what ends that.
 */
export function keepFocus(main: HTMLElement): () => void {
  let homes: HTMLElement[] = [];
  let frame = 0;
  let lostFrames = 0;
  const note = ({ target }: FocusEvent): void => {
    const card = target instanceof Element ? target.closest<HTMLElement>("main .card") : null;
    homes = card ? [card, main] : [main];
  };
  // Whoever clicks beside everything wants it nowhere.
  const forget = (): void => void (homes = []);
  const settle = (): void => {
    frame = 0;
    if (document.activeElement !== document.body) return;
    lostFrames += 1;
    if (lostFrames <= PATIENCE_FRAMES) {
      frame = requestAnimationFrame(settle);
      return;
    }
    const home = homes.find((it) => it.isConnected);
    if (!home) return;
    home.tabIndex = -1;
    home.focus({ preventScroll: true });
  };
  const look = (): void => {
    if (frame) return;
    lostFrames = 0;
    frame = requestAnimationFrame(settle);
  };
  const changes = new MutationObserver(look);
  changes.observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ["disabled"] });
  document.addEventListener("focusin", note);
  document.addEventListener("pointerdown", forget, { capture: true });
  return () => {
    cancelAnimationFrame(frame);
    changes.disconnect();
    document.removeEventListener("focusin", note);
    document.removeEventListener("pointerdown", forget, { capture: true });
  };
}
