/** The keyboard's place on the page, kept when what had it goes. */

/**
 * When the element that has the focus is taken away or disabled, the focus moves to the card that it
 * stood in, or to `main`: else it would be nowhere, and the next key would begin at the top of the
 * page. A form or a list that knows better takes it on from there. Gives what ends that.
 */
export function keepFocus(main: HTMLElement): () => void {
  let homes: HTMLElement[] = [];
  let frame = 0;
  const note = ({ target }: FocusEvent): void => {
    const card = target instanceof Element ? target.closest<HTMLElement>("main .card") : null;
    homes = card ? [card, main] : [main];
  };
  // Whoever clicks beside everything wants it nowhere.
  const forget = (): void => void (homes = []);
  const settle = (): void => {
    frame = 0;
    const home = homes.find((it) => it.isConnected);
    if (!home || document.activeElement !== document.body) return;
    home.tabIndex = -1;
    home.focus({ preventScroll: true });
  };
  // A dialog that closes gives the focus back by itself, a frame later.
  const look = (): void => void (frame ||= requestAnimationFrame(() => (frame = requestAnimationFrame(settle))));
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
