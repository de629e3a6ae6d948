/** Names of files. They are bytes, which URLs percent-encode, and mostly the text that people see. */

/** How URLs spell a name that somebody has given: all but what is plain everywhere is encoded, as the agent does it. */
export function spelled(text: string): string {
  let name = "";
  for (const byte of new TextEncoder().encode(text)) {
    const character = String.fromCharCode(byte);
    name += /[A-Za-z0-9._~-]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return name;
}

/** The text of a name. Bytes that are none are U+FFFD, and what isn't encoded at all is as it is. */
export function textOf(name: string): string {
  const bytes: number[] = [];
  for (const [, hex, plain] of name.matchAll(/%([0-9A-Fa-f]{2})|([^%]+|%)/g)) {
    if (hex) bytes.push(parseInt(hex, 16));
    else bytes.push(...new TextEncoder().encode(plain));
  }
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(new Uint8Array(bytes));
}

/**
 * What moves the cursor, turns the direction of writing or has no width, and lets a name look like another
 * one. Joiners and marks that scripts and emoji need stay.
 */
const UNSEEN =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e007f}]/gu;

/** A name as people see it, on one line. */
export function shown(name: string): string {
  return textOf(name).replace(UNSEEN, (it) => {
    const code = it.charCodeAt(0);
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : "\ufffd";
  });
}

/** The way from a directory to something in it, as people see it. */
export function shownWay(names: readonly string[]): string {
  return names.map(shown).join("/");
}

/** Why nothing can be called so; nothing if something can. */
export function complaint(text: string): string | undefined {
  if (text === "") return "Give it a name.";
  if (text === "." || text === "..") return "Folders themselves are called so. Choose another name.";
  if (/[/\0]/.test(text)) return "A name has no slash in it.";
  return new TextEncoder().encode(text).length > 255 ? "The name is too long." : undefined;
}
