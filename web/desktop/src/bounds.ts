/** What is too large for a page, however large a desktop says that it is. */

import { TEXT_MAX_LENGTH } from "./clipboard";

/** The longest side that browsers draw on every machine, in pixels. */
const SIDE_MAX = 16_384;
/** The largest area, in pixels: twice what the largest screens have. */
const AREA_MAX = 64 << 20;

/** The most bytes that pixels take, unpacked. */
export const PIXELS_MAX_BYTES = AREA_MAX * 4;
/** The most bytes of a text that isn't too long: three for each of its units in UTF-16, and one at its end. */
export const TEXT_MAX_BYTES = TEXT_MAX_LENGTH * 3 + 1;

/** Whether a desktop of this size can be drawn. */
export function isDrawable(width: number, height: number): boolean {
  return width <= SIDE_MAX && height <= SIDE_MAX && width * height <= AREA_MAX;
}
