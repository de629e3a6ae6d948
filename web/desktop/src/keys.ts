/** Keys by their numbers in X (X11 protocol, appendix A), as RFB sends them (RFC 6143 §7.5.4). */

const BACK_SPACE = 0xff08;
const TAB = 0xff09;
const RETURN = 0xff0d;
const ESCAPE = 0xff1b;
const DELETE = 0xffff;
const F4 = 0xffc1;
const F11 = 0xffc8;
const CONTROL = 0xffe3;
const SHIFT = 0xffe1;
const ALT = 0xffe9;
const SUPER = 0xffeb;
const INSERT = 0xff63;

/** A key, and its place on a keyboard (`KeyboardEvent.code`). */
export type Key = readonly [keysym: number, code: string | null];

/** Keys that are pressed together. */
export interface Combination {
  label: string;
  keys: readonly Key[];
}

/** What browsers and systems don't leave to a page. */
export const COMBINATIONS: readonly Combination[] = [
  { label: "Ctrl+Alt+Del", keys: [[CONTROL, "ControlLeft"], [ALT, "AltLeft"], [DELETE, "Delete"]] },
  { label: "Alt+Tab", keys: [[ALT, "AltLeft"], [TAB, "Tab"]] },
  { label: "Alt+F4", keys: [[ALT, "AltLeft"], [F4, "F4"]] },
  { label: "Ctrl+W", keys: [[CONTROL, "ControlLeft"], [0x77, "KeyW"]] },
  { label: "Shift+Insert", keys: [[SHIFT, "ShiftLeft"], [INSERT, "Insert"]] },
  { label: "Super", keys: [[SUPER, "MetaLeft"]] },
  { label: "Esc", keys: [[ESCAPE, "Escape"]] },
  { label: "F11", keys: [[F11, "F11"]] },
];

/** The presses and releases of a combination: released in the reverse order. */
export function strokes({ keys }: Combination): (readonly [...Key, isDown: boolean])[] {
  const down = keys.map(([keysym, code]) => [keysym, code, true] as const);
  const up = [...keys].reverse().map(([keysym, code]) => [keysym, code, false] as const);
  return [...down, ...up];
}

/** The keys that write `text`, as an on-screen keyboard gives it. */
export function keysOf(text: string): number[] {
  return [...text.replaceAll("\r\n", "\n")].map(keysymOf);
}

/** The key that an on-screen keyboard has for an editing command (Input Events, `inputType`). */
export function keyOfEdit(inputType: string): number | undefined {
  switch (inputType) {
    case "deleteContentBackward":
      return BACK_SPACE;
    case "deleteContentForward":
      return DELETE;
    case "insertLineBreak":
    case "insertParagraph":
      return RETURN;
    default:
      return undefined;
  }
}

function keysymOf(character: string): number {
  if (character === "\n") return RETURN;
  if (character === "\t") return TAB;
  const point = character.codePointAt(0) ?? 0;
  // Latin-1 is numbered as in Unicode, and everything else by its number there.
  const isLatin = (point >= 0x20 && point <= 0x7e) || (point >= 0xa0 && point <= 0xff);
  return isLatin ? point : 0x0100_0000 + point;
}
