// Draws a rectangle of the hall into a canvas. The context's unit is the CSS pixel.

import { drawLabel, freeText } from "./labels.js";
import { BLOCKED, FREE, HELD, OWN, PICKED, SOLD } from "./states.js";

const SEATS_FROM = 5; // pixels between seats from which on seats are drawn, sections below
const TURN = Math.PI * 2;

/** Whether seats are to be told apart at this scale. */
export const showsSeats = (hall, scale) => hall.pitch * scale >= SEATS_FROM;

/** Draws what stands in the rectangle of `width` x `height` pixels whose corner is (left, top) of
    the plan, at `scale`. Returns the number of seats drawn one by one. */
export function paint(ctx, { hall, states, colours, labels }, left, top, width, height, scale) {
  const frame = { ctx, hall, states, colours, left, top, scale, width, height };
  frame.right = left + width / scale;
  frame.bottom = top + height / scale;
  ctx.lineJoin = "round";
  shapes(frame);
  areas(frame);
  if (!showsSeats(hall, scale)) {
    ribbons(frame);
    for (const each of labels) {
      if (each.x + each.half > left && each.x - each.half < frame.right) drawLabel(frame, each);
    }
    return 0;
  }
  rowNames(frame);
  return seats(frame);
}

function shapes({ ctx, hall, colours, left, top, scale }) {
  for (const shape of hall.plan.shapes) {
    ctx.save();
    ctx.translate((shape.x - left) * scale, (shape.y - top) * scale);
    const turn = ((shape.rotation || 0) * Math.PI) / 180;
    if (turn) ctx.rotate(turn);
    ctx.scale(scale, scale);
    const [w, h] = [shape.width || 0, shape.height || 0];
    ctx.beginPath();
    if (shape.kind === "rectangle") ctx.rect(0, 0, w, h);
    else if (shape.kind === "ellipse") ctx.ellipse(0, 0, w / 2, h / 2, 0, 0, TURN);
    else if (shape.kind === "polygon") {
      shape.points.forEach(([x, y], p) => (p ? ctx.lineTo(x, y) : ctx.moveTo(x, y)));
      ctx.closePath();
    }
    // The plan's colours are made for white paper.
    if (shape.color) {
      ctx.globalAlpha = colours.dark ? 0.14 : 1;
      ctx.fillStyle = shape.color;
      ctx.fill();
    }
    if (shape.border_color) {
      ctx.globalAlpha = colours.dark ? 0.35 : 1;
      ctx.strokeStyle = shape.border_color;
      ctx.lineWidth = 1.5 / scale;
      ctx.stroke();
    }
    ctx.globalAlpha = 1;
    if (shape.text) {
      const size = Math.max(12 / scale, Math.min(w ? w * 0.12 : 24, h ? h * 0.4 : 24, 60 / scale));
      ctx.font = `600 ${size}px ${colours.font}`;
      ctx.textAlign = "center";
      ctx.textBaseline = "middle";
      ctx.fillStyle = colours.dark || !shape.text_color ? colours.ink : shape.text_color;
      ctx.fillText(shape.text, shape.text_x || 0, shape.text_y || 0);
    }
    ctx.restore();
  }
}

function areas({ ctx, hall, states, colours, left, top, right, bottom, scale }) {
  hall.plan.areas.forEach((area, a) => {
    if (area.x > right || area.y > bottom || area.x + area.width < left || area.y + area.height < top) return;
    const [x, y] = [(area.x - left) * scale, (area.y - top) * scale];
    const [w, h] = [area.width * scale, area.height * scale];
    const free = states.freeInArea[a];
    const color = free ? colours.categories[area.category] : colours["seat-sold"];
    ctx.globalAlpha = free ? 0.2 : 0.5;
    ctx.fillStyle = color;
    ctx.beginPath();
    ctx.roundRect(x, y, w, h, Math.min(10, w / 4, h / 4));
    ctx.fill();
    ctx.globalAlpha = 1;
    ctx.strokeStyle = color;
    ctx.lineWidth = 2;
    ctx.stroke();
    const name = area.name || hall.plan.zones[area.zone].name;
    if (w < 40 || h < 18) return;
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    ctx.fillStyle = colours.ink;
    const tall = h >= 40;
    ctx.font = `700 ${tall ? 14 : 12}px ${colours.font}`;
    ctx.fillText(name, x + w / 2, y + h / 2 - (tall ? 9 : 0), w - 6);
    ctx.font = `500 12px ${colours.font}`;
    if (tall) ctx.fillText(freeText(free), x + w / 2, y + h / 2 + 9, w - 6);
  });
}

/** Zoomed out: a row is one stroke, paler the fewer seats of its section are free. */
function ribbons({ ctx, hall, states, colours, left, top, right, bottom, scale }) {
  ctx.lineCap = "round";
  const { x: xs, y: ys, boxes } = hall;
  for (let z = 0; z < hall.runs.length; z += 1) {
    const runs = hall.runs[z];
    const edge = hall.pitch;
    if (boxes[z * 4] - edge > right || boxes[z * 4 + 1] - edge > bottom) continue;
    if (boxes[z * 4 + 2] + edge < left || boxes[z * 4 + 3] + edge < top || !runs.length) continue;
    const free = states.freeInZone[z];
    ctx.globalAlpha = free ? 0.3 + 0.7 * Math.sqrt(free / states.seatsInZone[z]) : 1;
    ctx.lineWidth = Math.max(0.8, hall.radius[z] * 1.9 * scale);
    let color = "";
    for (let r = 0; r < runs.length; r += 2) {
      const [first, last] = [runs[r], runs[r] + runs[r + 1] - 1];
      const wanted = free ? colours.categories[hall.category[first]] : colours["seat-sold"];
      if (wanted !== color) {
        if (color) ctx.stroke();
        ctx.beginPath();
        ctx.strokeStyle = color = wanted;
      }
      ctx.moveTo((xs[first] - left) * scale, (ys[first] - top) * scale);
      for (let i = first + 4; i < last; i += 4) ctx.lineTo((xs[i] - left) * scale, (ys[i] - top) * scale);
      ctx.lineTo((xs[last] - left) * scale + 0.01, (ys[last] - top) * scale);
    }
    if (color) ctx.stroke();
  }
  ctx.globalAlpha = 1;
}

function rowNames({ ctx, hall, colours, left, top, right, bottom, scale }) {
  if (hall.pitch * scale < 13) return;
  ctx.font = `600 ${Math.min(14, hall.pitch * scale * 0.6)}px ${colours.font}`;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.fillStyle = colours.quiet;
  for (let z = 0; z < hall.runs.length; z += 1) {
    const reach = hall.pitch * 3;
    if (hall.boxes[z * 4] - reach > right || hall.boxes[z * 4 + 1] - reach > bottom) continue;
    if (hall.boxes[z * 4 + 2] + reach < left || hall.boxes[z * 4 + 3] + reach < top) continue;
    for (const row of hall.plan.zones[z].rows) {
      if (!row.seats.length) continue;
      const [first, count] = row.seats[0];
      const next = count > 1 ? first + 1 : first;
      let [dx, dy] = [hall.x[next] - hall.x[first], hall.y[next] - hall.y[first]];
      if (next === first) dx = hall.pitch;
      const x = (hall.x[first] - dx * 1.1 - left) * scale;
      const y = (hall.y[first] - dy * 1.1 - top) * scale;
      if (x > -20 && y > -20 && x < (right - left) * scale + 20 && y < (bottom - top) * scale + 20) {
        ctx.fillText(row.number, x, y);
      }
    }
  }
}

/** Seats, one path for all that look alike: one colour is one call to the canvas. */
function seats(frame) {
  const { ctx, hall, states, colours, left, top, right, bottom, scale } = frame;
  const edge = hall.pitch;
  const found = hall.within(left - edge, top - edge, right + edge, bottom + edge);
  const alike = new Map();
  for (const i of found) {
    const look = states.look(i);
    const key = look === FREE ? 16 + hall.category[i] * 2 + hall.accessible[i] : look;
    const list = alike.get(key);
    if (list) list.push(i);
    else alike.set(key, [i]);
  }
  const spot = (i) => [(hall.x[i] - left) * scale, (hall.y[i] - top) * scale, hall.radius[hall.zone[i]] * scale];
  for (const [key, list] of alike) {
    ctx.beginPath();
    if (key >= 16) {
      ctx.fillStyle = colours.categories[(key - 16) >> 1];
      free(ctx, list, spot, (key & 1) === 1);
      ctx.fill();
      if (key & 1) wheels(ctx, list, spot, colours);
      else digits(ctx, list, spot, hall, colours);
    } else marks(ctx, key, list, spot, colours);
  }
  return found.length;
}

function free(ctx, list, spot, square) {
  for (const i of list) {
    const [x, y, r] = spot(i);
    if (square || r < 2.6) ctx.rect(x - r, y - r, r * 2, r * 2);
    else {
      ctx.moveTo(x + r, y);
      ctx.arc(x, y, r, 0, TURN);
    }
  }
}

function wheels(ctx, list, spot, colours) {
  ctx.beginPath();
  for (const i of list) {
    const [x, y, r] = spot(i);
    ctx.moveTo(x + r * 0.45, y);
    ctx.arc(x, y, r * 0.45, 0, TURN);
  }
  ctx.strokeStyle = colours.sheet;
  ctx.lineWidth = Math.max(1, spot(list[0])[2] * 0.22);
  ctx.stroke();
}

function digits(ctx, list, spot, hall, colours) {
  const r = spot(list[0])[2];
  if (r < 8) return;
  ctx.font = `600 ${Math.round(r * 0.95)}px ${colours.font}`;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.fillStyle = colours.digits[hall.category[list[0]]];
  for (const i of list) {
    const [x, y] = spot(i);
    ctx.fillText(hall.number[i], x, y + r * 0.06, r * 1.7);
  }
}

function marks(ctx, look, list, spot, colours) {
  ctx.lineCap = "round";
  for (const i of list) {
    const [x, y, r] = spot(i);
    if (look === HELD) {
      ctx.moveTo(x + r * 0.75, y);
      ctx.arc(x, y, r * 0.75, 0, TURN);
    } else if (look === SOLD) {
      const d = r * 0.5;
      ctx.moveTo(x - d, y - d);
      ctx.lineTo(x + d, y + d);
      ctx.moveTo(x + d, y - d);
      ctx.lineTo(x - d, y + d);
    } else if (look === BLOCKED) {
      ctx.moveTo(x - r * 0.55, y);
      ctx.lineTo(x + r * 0.55, y);
    } else {
      ctx.moveTo(x + r * 1.15, y);
      ctx.arc(x, y, r * 1.15, 0, TURN);
    }
  }
  const wide = spot(list[0])[2];
  if (look !== PICKED && look !== OWN) {
    ctx.strokeStyle = look === HELD ? colours.edge : colours["seat-held"];
    ctx.lineWidth = Math.max(1, wide * 0.28);
    ctx.stroke();
    return;
  }
  ctx.fillStyle = colours["seat-mine"];
  ctx.fill();
  ctx.beginPath();
  for (const i of list) {
    const [x, y, r] = spot(i);
    ctx.moveTo(x - r * 0.5, y + r * 0.05);
    ctx.lineTo(x - r * 0.12, y + r * 0.42);
    ctx.lineTo(x + r * 0.55, y - r * 0.4);
  }
  ctx.strokeStyle = colours.sheet;
  ctx.lineWidth = Math.max(1.2, wide * 0.24);
  ctx.stroke();
}
