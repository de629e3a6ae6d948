import { Children, useEffect, useRef, type FocusEvent, type ReactNode } from "react";

interface Props {
  label: string;
  children: ReactNode[];
}

/**
 * A list, or nothing where it is empty. When the thing in it that has the focus is taken away, the next one
 * gets the focus: as a whole, so that pressing the same key again does nothing to it.
 */
export function Stack({ label, children }: Props) {
  const held = useRef<{ row: Element; at: number; card: HTMLElement | null }>(undefined);
  const list = useRef<HTMLUListElement>(null);
  const note = ({ target, currentTarget }: FocusEvent<HTMLUListElement>): void => {
    const rows = [...currentTarget.children];
    // What is focused in a dialog of a row isn't within it.
    const at = rows.findIndex((row) => row.contains(target));
    const row = rows[at];
    if (row) held.current = { row, at, card: currentTarget.closest<HTMLElement>(".card") };
  };
  const count = Children.count(children);
  useEffect(() => {
    const before = held.current;
    if (!before || before.row.isConnected) return;
    held.current = undefined;
    // Its dialog, which goes with it, looks where to give the focus back to until the next frame.
    requestAnimationFrame(() => {
      // What the list is in has it where the row had gone before its dialog.
      const place = list.current ?? before.card;
      if (!place || !document.activeElement?.contains(place)) return;
      const rows = list.current?.children ?? [];
      const next = rows[Math.min(before.at, rows.length - 1)] ?? before.card;
      if (!(next instanceof HTMLElement)) return;
      next.tabIndex = -1;
      next.focus({ preventScroll: true });
    });
  }, [count]);
  if (count === 0) return null;
  return (
    <ul className="stack" ref={list} aria-label={label} onFocus={note}>
      {children}
    </ul>
  );
}
