/**
 * noVNC, with the bounds that it lacks: a desktop says how large a thing is before it sends it, and memory
 * would be taken for whatever it says.
 *
 * Its API has no place for them, so three parts of it are overridden that are its own: `_resize` and
 * `_handleServerCutText` of `core/rfb.js`, and `inflate` of `core/inflator.js`. A test sees that the
 * version in `package.json` has them.
 */

import RFB from "@novnc/novnc";
import Inflator from "novnc-inflator";

import { isDrawable, PIXELS_MAX_BYTES, TEXT_MAX_BYTES } from "./bounds";

class TooLarge extends Error {}

/** How much may be unpacked at once, by what is being read. */
let inflatedMaxBytes = PIXELS_MAX_BYTES;

const { inflate } = Inflator.prototype;
Inflator.prototype.inflate = function (this: Inflator, expectedBytes: number): Uint8Array {
  const isFit = expectedBytes >= 0 && expectedBytes <= inflatedMaxBytes;
  if (!isFit) throw new TooLarge(`${expectedBytes} bytes are too many`);
  return inflate.call(this, expectedBytes);
};

/** It tells of a desktop that is too large by the event `oversize`, and doesn't draw it. */
export class BoundedRfb extends RFB {
  override _resize(width: number, height: number): void {
    if (isDrawable(width, height)) super._resize(width, height);
    else this.dispatchEvent(new CustomEvent("oversize"));
  }

  override _handleServerCutText(): boolean {
    inflatedMaxBytes = TEXT_MAX_BYTES;
    try {
      return super._handleServerCutText();
    } catch (error) {
      if (!(error instanceof TooLarge)) throw error;
      // The message was taken whole before it was unpacked; the next one follows.
      return true;
    } finally {
      inflatedMaxBytes = PIXELS_MAX_BYTES;
    }
  }
}
