// The seat map on its canvas: what is in sight, drawn at most once a frame.

import { Camera } from "./camera.js";
import { coloursOf } from "./colours.js";
import { attend } from "./input.js";
import { showsSeats } from "./paint.js";
import { Tiles } from "./tiles.js";

const SETTLE_MS = 90; // after the last step of a zoom, pieces are drawn at the new scale
const COUNTS_MS = 500; // zoomed out, counts are drawn again at most so often
const MARK_MS = 2500;
const SEATS_NEAR = 9; // pixels between seats from which on a mouse hits them

export class SeatMap {
  /** `on`: pick(index), section(zone), area(index), hover({seat, zone, area}, x, y), colours(list). */
  constructor(canvas, hall, states, on) {
    this.canvas = canvas;
    this.hall = hall;
    this.states = states;
    this.ctx = canvas.getContext("2d", { alpha: false });
    this.camera = new Camera(hall);
    this.on = on;
    this.ring = -1;
    this.marks = new Map();
    this.figures = { frames: 0, seats: 0, most: 0 };
    this.asked = 0;
    this.zoomed = 0;
    this.staleZones = new Set();
    this.recolour();
    this.resize();
    new ResizeObserver(() => this.resize()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.recolour());
    attend(canvas, this);
  }

  recolour() {
    this.colours = coloursOf(this.hall.plan);
    this.scene = { hall: this.hall, states: this.states, colours: this.colours };
    this.tiles = this.behind = null;
    this.on.colours(this.colours.categories);
    this.ask();
  }

  resize() {
    const box = this.canvas.getBoundingClientRect();
    if (!box.width || !box.height) return;
    const ratio = Math.min(2, devicePixelRatio || 1);
    this.canvas.width = Math.round(box.width * ratio);
    this.canvas.height = Math.round(box.height * ratio);
    this.camera.ratio = ratio;
    this.camera.resize(box.width, box.height);
    this.tiles = this.behind = null;
    this.ask();
  }

  /** A frame is wanted. */
  ask() {
    this.asked ||= requestAnimationFrame(() => this.frame());
  }

  get seatsShown() {
    return showsSeats(this.hall, this.camera.scale);
  }

  frame() {
    this.asked = 0;
    const { ctx, camera } = this;
    if (!camera.ratio) return;
    const settled = performance.now() - this.zoomed > SETTLE_MS;
    if (!this.tiles || (settled && this.tiles.scale !== camera.scale)) {
      if (this.tiles?.pieces.size) this.behind = this.tiles;
      this.tiles = new Tiles(this.scene, camera.scale, camera.ratio);
    }
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.fillStyle = this.colours.sheet;
    ctx.fillRect(0, 0, this.canvas.width, this.canvas.height);
    let seats = 0;
    if (this.behind) this.behind.stretch(ctx, camera);
    if (this.tiles.scale === camera.scale) {
      const whole = this.tiles.blit(ctx, camera, (count) => (seats += count), !this.behind);
      if (whole) this.behind = null;
      else this.ask();
    } else {
      this.tiles.stretch(ctx, camera);
      this.ask();
    }
    this.overlay();
    this.figures.frames += 1;
    this.figures.seats += seats;
    this.figures.most = Math.max(this.figures.most, seats);
  }

  /** Rings around the seat pointed at, and around those just lost. */
  overlay() {
    const { ctx, camera, hall } = this;
    ctx.setTransform(camera.ratio, 0, 0, camera.ratio, 0, 0);
    const circle = (i, color, wide) => {
      const [x, y] = camera.toScreen(hall.x[i], hall.y[i]);
      const r = Math.max(hall.radius[hall.zone[i]] * camera.scale * 1.15, 4) + wide;
      ctx.beginPath();
      ctx.arc(x, y, r, 0, Math.PI * 2);
      ctx.lineWidth = wide;
      ctx.strokeStyle = color;
      ctx.stroke();
    };
    const now = performance.now();
    for (const [i, until] of this.marks) {
      if (until < now) this.marks.delete(i);
      else circle(i, this.colours.bad, 4);
    }
    if (this.ring >= 0) circle(this.ring, this.colours.ink, 2.5);
  }

  /** These seats look different now. */
  changed(indices) {
    if (!indices.length) return;
    const { hall } = this;
    if (!this.seatsShown || indices.length > 2000) {
      for (const i of indices) this.staleZones.add(hall.zone[i]);
      if (indices.length > 2000 || !this.counting) {
        clearTimeout(this.counting);
        this.counting = setTimeout(() => this.recount(), indices.length > 2000 ? 0 : COUNTS_MS);
      }
      return;
    }
    for (const i of indices) {
      if (hall.area[i] >= 0) {
        this.staleZones.add(hall.zone[i]);
        this.counting ||= setTimeout(() => this.recount(), COUNTS_MS);
        continue;
      }
      const reach = hall.radius[hall.zone[i]] * 1.3 + 2 / this.camera.scale;
      const [x, y] = [hall.x[i], hall.y[i]];
      this.tiles?.spoil(x - reach, y - reach, x + reach, y + reach);
      this.behind?.spoil(x - reach, y - reach, x + reach, y + reach);
    }
    this.ask();
  }

  recount() {
    this.counting = 0;
    if (this.staleZones.size > 40) this.tiles?.spoilAll();
    else {
      for (const z of this.staleZones) {
        const edge = this.hall.pitch + 60 / this.camera.scale;
        const [left, top, right, bottom] = this.hall.boxes.subarray(z * 4, z * 4 + 4);
        this.tiles?.spoil(left - edge, top - edge, right + edge, bottom + edge);
      }
    }
    this.staleZones.clear();
    this.ask();
  }

  /** A ring in the colour of faults, for a moment. */
  mark(i) {
    this.marks.set(i, performance.now() + MARK_MS);
    setTimeout(() => this.ask(), MARK_MS + 20);
    this.ask();
  }

  pan(dx, dy) {
    this.camera.pan(dx, dy);
    this.ask();
  }

  zoom(factor, x, y) {
    this.camera.zoom(factor, x, y);
    this.zoomed = performance.now();
    this.ask();
  }

  fit() {
    this.camera.fit();
    this.ask();
  }

  /** Goes to a section so that its seats can be told apart. */
  showZone(z) {
    const [left, top, right, bottom] = this.hall.boxes.subarray(z * 4, z * 4 + 4);
    const edge = this.hall.pitch * 2;
    const box = [left - edge, top - edge, right + edge, bottom + edge];
    this.camera.look(box, 34 / this.hall.pitch);
    this.camera.scale = Math.min(this.camera.most, Math.max(this.camera.scale, 14 / this.hall.pitch));
    this.camera.keep();
    this.ask();
  }

  /** Rings a seat and brings it into sight; -1 takes the ring away. */
  show(i) {
    this.ring = i;
    if (i >= 0 && this.hall.area[i] < 0) {
      const { camera, hall } = this;
      const [x, y] = camera.toScreen(hall.x[i], hall.y[i]);
      const small = hall.pitch * camera.scale < 14;
      if (small) camera.scale = Math.min(camera.most, 24 / hall.pitch);
      if (small || x < 40 || y < 40 || x > camera.width - 40 || y > camera.height - 40) {
        [camera.x, camera.y] = [hall.x[i], hall.y[i]];
        camera.keep();
      }
    }
    this.ask();
  }

  /** What is at a pixel: the seat, else its section, else an area; -1 each where there is none. */
  at(px, py, coarse) {
    const { camera, hall } = this;
    const [x, y] = camera.toPlan(px, py);
    const area = hall.areaAt(x, y);
    const reach = Math.max(hall.pitch * 0.6, (coarse ? 22 : 8) / camera.scale);
    const near = hall.nearest(x, y, this.seatsShown ? reach : Math.max(hall.pitch * 1.6, 12 / camera.scale));
    if (near >= 0) return { seat: this.seatsShown ? near : -1, zone: hall.zone[near], area: -1 };
    return { seat: -1, zone: -1, area };
  }

  /** A click or a tap. Where seats are too small to be hit it goes nearer first. */
  press(px, py, coarse) {
    const { seat, zone, area } = this.at(px, py, coarse);
    const apart = this.hall.pitch * this.camera.scale;
    if (seat >= 0 && apart >= (coarse ? 19 : 9)) this.on.pick(seat);
    else if (area >= 0) this.on.area(area);
    else if (seat >= 0 || zone >= 0) {
      if (apart >= SEATS_NEAR) this.zoom(24 / apart, px, py);
      else this.near(px, py);
      if (zone >= 0) this.on.section(zone);
    }
  }

  /** So near to a spot that its seats can be hit. */
  near(px, py) {
    const { camera } = this;
    [camera.x, camera.y] = camera.toPlan(px, py);
    camera.scale = Math.min(camera.most, 24 / this.hall.pitch);
    camera.keep();
    this.ask();
  }

  point(px, py) {
    const found = px === null ? { seat: -1, zone: -1, area: -1 } : this.at(px, py, false);
    if (found.seat !== this.ring) {
      this.ring = found.seat;
      this.ask();
    }
    const some = found.seat >= 0 || found.zone >= 0 || found.area >= 0;
    this.canvas.classList.toggle("aims", some);
    this.on.hover(found, px, py);
  }
}

