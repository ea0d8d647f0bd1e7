/**
 * Where the frame for a document lies in the picture of a camera. Pure.
 *
 * The preview is 4:3 and shows the middle of a wider or taller picture; the frame's place in it is
 * that of `.preview__frame`.
 */

const ASPECT = 4 / 3;
/** Shares of the preview that the frame leaves free at its sides, above and below. */
export const FRAME = { side: 0.08, top: 0.125 };
/** A little more than the frame is taken, so that no edge is lost. */
const MARGIN = 0.02;

/**
 * The part of a picture that is taken.
 * @param {number} width of the camera's picture
 * @param {number} height
 * @returns {{x: number, y: number, width: number, height: number}}
 */
export function frameOf(width, height) {
  const seenWidth = Math.min(width, height * ASPECT);
  const seenHeight = Math.min(height, width / ASPECT);
  const side = (FRAME.side - MARGIN) * seenWidth;
  const top = (FRAME.top - MARGIN) * seenHeight;
  return {
    x: (width - seenWidth) / 2 + side,
    y: (height - seenHeight) / 2 + top,
    width: seenWidth - 2 * side,
    height: seenHeight - 2 * top,
  };
}
