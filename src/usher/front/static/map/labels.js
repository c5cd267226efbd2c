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

/** Labels of the sections at `scale`: {zone, title, counts, x, y, half in plan units, pixels, tall}.
    First as many sections as have room get their number, with the count of free seats if that fits;
    then names are written out where there still is room. */
export function placeLabels({ hall, states, colours }, scale) {
  const placed = [];
  const clear = (label, half, tall) =>
    placed.every(
      (other) =>
        other === label ||
        Math.abs(other.x - label.x) * scale >= other.pixels + half ||
        Math.abs(other.y - label.y) * scale >= other.tall + tall,
    );
  const fit = (label, title, counts) => {
    const wide = widthOf(title, 700, BIG, colours.font);
    const pixels = (counts ? Math.max(wide, label.counted) : wide) / 2 + 4;
    const tall = counts ? 15 : 8;
    if (pixels * 2 > label.room || !clear(label, pixels, tall)) return false;
    // A piece of the map asks in plan units whether it shows a label.
    return Object.assign(label, { title, counts, pixels, tall, half: pixels / scale });
  };
  hall.plan.zones.forEach(({ name }, zone) => {
    if (!hall.runs[zone].length) return;
    const [x, y] = hall.middle[zone];
    const last = name.split(/\s+/).at(-1);
    const label = { zone, x, y, counted: widthOf(freeText(states.seatsInZone[zone]), 500, SMALL, colours.font) };
    // A little more than the section is wide: the pill is paler than what it covers.
    label.room = 1.25 * scale * (hall.boxes[zone * 4 + 2] - hall.boxes[zone * 4]) + 6;
    const short = /\d/.test(last) ? last : name; // "Block 101" is known by its number
    if (fit(label, short, true) || fit(label, short, false)) placed.push(label);
  });
  for (const label of placed) fit(label, hall.plan.zones[label.zone].name, label.counts);
  return placed;
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
