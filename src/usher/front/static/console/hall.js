// The hall filling up: a dot a seat, drawn once and then only where something has changed.

import { call } from "../lib/http.js";
import { listen } from "../lib/live.js";

const COLORS = { ".": "--seat-held", h: "--warn", c: "--accent", s: "--good", x: "--line" };
const SHAPES = { ".": 0.55, h: 0.8, c: 0.9, s: 1, x: 0.4 }; // sizes tell states apart, too

/** Shows the event's seats on `canvas`; `notice` is told the organiser's notice when it changes. */
export async function showHall(canvas, event, notice) {
  const plan = await call("GET", `/api/v1/events/${event}/plan`);
  const hall = new Hall(canvas, plan);
  canvas.hidden = false;
  hall.fit();
  addEventListener("resize", () => hall.fit());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => hall.fit());
  listen(`/api/v1/events/${event}/feed`, {
    snapshot: ({ states }) => hall.reset(states),
    change: ({ seats }) => hall.change(seats),
    notice: ({ text }) => notice(text || null),
  });
}

class Hall {
  constructor(canvas, plan) {
    this.canvas = canvas;
    this.pen = canvas.getContext("2d");
    [this.x, this.y] = [plan.seats.x, plan.seats.y];
    this.box = bounds(this.x, this.y);
    this.pitch = pitch(this.x, this.y);
    this.states = [];
  }

  reset(states) {
    this.states = [...states];
    this.draw();
  }

  change(seats) {
    for (const [index, state] of seats) {
      this.states[index] = state;
      this.dot(index, true);
    }
  }

  /** As large as there is room, in the pixels of this screen. */
  fit() {
    const [left, top, right, bottom] = this.box;
    const [wide, high] = [Math.max(1, right - left), Math.max(1, bottom - top)];
    const room = this.canvas.parentElement.clientWidth - 8;
    const ratio = Math.min(2, devicePixelRatio || 1);
    const inner = getComputedStyle(this.canvas.parentElement);
    const width = room - parseFloat(inner.paddingLeft) - parseFloat(inner.paddingRight);
    const height = Math.min(360, (width * high) / wide);
    this.scale = Math.min(width / wide, height / high) * ratio;
    this.size = Math.max(1, this.pitch * this.scale * 0.8);
    this.edge = Math.ceil(this.size);
    this.canvas.width = Math.ceil(wide * this.scale + 2 * this.edge);
    this.canvas.height = Math.ceil(high * this.scale + 2 * this.edge);
    this.canvas.style.inlineSize = `${this.canvas.width / ratio}px`;
    this.colors = {};
    const tokens = getComputedStyle(document.documentElement);
    for (const [state, token] of Object.entries(COLORS)) {
      this.colors[state] = tokens.getPropertyValue(token);
    }
    this.draw();
  }

  draw() {
    this.pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    for (let index = 0; index < this.states.length; index += 1) this.dot(index, false);
  }

  dot(index, wipe) {
    const state = this.states[index];
    const x = this.edge + (this.x[index] - this.box[0]) * this.scale;
    const y = this.edge + (this.y[index] - this.box[1]) * this.scale;
    const full = this.size + 1;
    if (wipe) this.pen.clearRect(x - full / 2, y - full / 2, full, full);
    const size = Math.max(1, this.size * (SHAPES[state] ?? 1));
    this.pen.fillStyle = this.colors[state] ?? "gray";
    this.pen.fillRect(x - size / 2, y - size / 2, size, size);
  }
}

/** How far neighbours in a row sit apart: the median of the steps from seat to seat. */
function pitch(xs, ys) {
  const steps = [];
  for (let index = 1; index < Math.min(xs.length, 4000); index += 1) {
    const step = Math.hypot(xs[index] - xs[index - 1], ys[index] - ys[index - 1]);
    if (step > 0) steps.push(step);
  }
  return steps.sort((one, other) => one - other)[steps.length >> 1] ?? 10;
}

function bounds(xs, ys) {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let index = 0; index < xs.length; index += 1) {
    left = Math.min(left, xs[index]);
    right = Math.max(right, xs[index]);
    top = Math.min(top, ys[index]);
    bottom = Math.max(bottom, ys[index]);
  }
  return [left, top, right, bottom];
}
