// Names and counts of sections on the map: placed once for a scale so that none covers another.

import { gettext, ngettext } from "../lib/words.js";

const BIG = 12;
const SMALL = 11;
const pen = document.createElement("canvas").getContext("2d");

export const freeText = (free) =>
  free ? ngettext("%(num)s free", "%(num)s free", free) : gettext("none free");

function widthOf(text, weight, size, font) {
  pen.font = `${weight} ${size}px ${font}`;
  return pen.measureText(text).width;
}

/** Labels of the sections at `scale`: {zone, title, counts, x, y in plan units, half, tall in
    pixels}. A section without room has a shorter one, or none. */
export function placeLabels({ hall, states, colours }, scale) {
  const placed = [];
  const free = (x, y, half, tall) =>
    placed.every(
      (other) =>
        Math.abs(other.x - x) * scale >= other.half + half ||
        Math.abs(other.y - y) * scale >= other.tall + tall,
    );
  hall.plan.zones.forEach(({ name }, zone) => {
    if (!hall.runs[zone].length) return;
    const [x, y] = hall.middle[zone];
    const counted = widthOf(freeText(states.seatsInZone[zone]), 500, SMALL, colours.font);
    const short = name.split(/\s+/).at(-1);
    for (const [title, counts] of [[name, true], [short, true], [name, false], [short, false]]) {
      const wide = widthOf(title, 700, BIG, colours.font);
      const half = (counts ? Math.max(wide, counted) : wide) / 2 + 4;
      const tall = counts ? 15 : 8;
      if (!free(x, y, half, tall)) continue;
      placed.push({ zone, title, counts, x, y, half, tall });
      break;
    }
  });
  // In plan units the half widths are what a piece needs to know whether it shows a label.
  return placed.map((each) => ({ ...each, pixels: each.half, half: each.half / scale }));
}

/** Draws a label onto a pill, if it stands in the frame. */
export function drawLabel({ ctx, states, colours, left, top, bottom, scale }, label) {
  const { title, counts, pixels, tall } = label;
  if (label.y + tall / scale < top || label.y - tall / scale > bottom) return;
  const [x, y] = [(label.x - left) * scale, (label.y - top) * scale];
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.fillStyle = colours.sheet;
  ctx.globalAlpha = 0.88;
  ctx.beginPath();
  ctx.roundRect(x - pixels, y - tall, pixels * 2, tall * 2, 6);
  ctx.fill();
  ctx.globalAlpha = 1;
  ctx.fillStyle = colours.ink;
  ctx.font = `700 ${BIG}px ${colours.font}`;
  ctx.fillText(title, x, y - (counts ? 6 : 0));
  if (!counts) return;
  ctx.font = `500 ${SMALL}px ${colours.font}`;
  ctx.fillText(freeText(states.freeInZone[label.zone]), x, y + 7);
}
