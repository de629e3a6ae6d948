/** The colours of terminals, dark or light as the person's system is. */

import type { ITheme } from "@xterm/xterm";

const dark: ITheme = {
  background: "#14171c", foreground: "#d7dae0", cursor: "#d7dae0", cursorAccent: "#14171c",
  selectionBackground: "#3a4a68",
  black: "#2b303b", red: "#ef6b73", green: "#7bd88f", yellow: "#e5c07b",
  blue: "#6cb2f7", magenta: "#c792ea", cyan: "#5ccfe6", white: "#c8ccd4",
  brightBlack: "#7f8794", brightRed: "#ff8b92", brightGreen: "#9aeaad", brightYellow: "#f3d698",
  brightBlue: "#93c9ff", brightMagenta: "#dcb3f7", brightCyan: "#8be3f3", brightWhite: "#ffffff",
};

const light: ITheme = {
  background: "#ffffff", foreground: "#24292f", cursor: "#24292f", cursorAccent: "#ffffff",
  selectionBackground: "#b6d4fb",
  black: "#24292f", red: "#b3261e", green: "#1a6e34", yellow: "#7a5900",
  blue: "#0b57c4", magenta: "#7b3fb5", cyan: "#0b6b77", white: "#59636e",
  brightBlack: "#59636e", brightRed: "#c9362c", brightGreen: "#22803f", brightYellow: "#8a6600",
  brightBlue: "#1f6fe0", brightMagenta: "#9152cc", brightCyan: "#127f8c", brightWhite: "#6e7781",
};

const isLight = matchMedia("(prefers-color-scheme: light)");

/** The colours now. */
export function theme(): ITheme {
  return isLight.matches ? light : dark;
}

/** Calls whenever they change, until what it returns is called. */
export function onTheme(act: () => void): () => void {
  isLight.addEventListener("change", act);
  return () => isLight.removeEventListener("change", act);
}
