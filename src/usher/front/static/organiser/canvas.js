// Seats on a canvas: fit, zoom, move, tap, and a frame to drag around many. Rules of what may be
// done with them are elsewhere.

const TAP_PX = 6; // a pointer that moved less has tapped

export class SeatCanvas {
  /** `changed` is called when what is chosen has changed. */
  constructor(canvas, plan, states, changed) {
    this.canvas = canvas;
    this.plan = plan;
    this.states = states;
    this.changed = changed;
    this.chosen = new Set();
    this.moving = false;
    this.frame = null;
    this.pointers = new Map();
    this.place();
    new ResizeObserver(() => this.resize()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(name, (event) => this.up(event, name === "pointercancel"));
    }
    canvas.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        const box = canvas.getBoundingClientRect();
        this.zoom(1.0015 ** -event.deltaY, event.clientX - box.left, event.clientY - box.top);
      },
      { passive: false },
    );
    this.resize();
    this.fit();
  }

  /** Where seats are. Those of areas have no place of their own: they are laid out in a grid. */
  place() {
    const { seats, areas } = this.plan;
    this.x = Float32Array.from(seats.x);
    this.y = Float32Array.from(seats.y);
    this.pitch = 25;
    for (const area of areas) {
      const all = area.seats.flatMap(([first, count]) =>
        Array.from({ length: count }, (_, n) => first + n),
      );
      const columns = Math.max(1, Math.round(Math.sqrt((all.length * area.width) / (area.height || 1))));
      const lines = Math.ceil(all.length / columns);
      all.forEach((index, n) => {
        this.x[index] = area.x + ((n % columns) + 0.5) * (area.width / columns);
        this.y[index] = area.y + (Math.floor(n / columns) + 0.5) * (area.height / lines);
      });
    }
  }

  show(states) {
    this.states = states;
    this.draw();
  }

  resize() {
    const ratio = devicePixelRatio || 1;
    const { clientWidth, clientHeight } = this.canvas;
    this.canvas.width = Math.round(clientWidth * ratio);
    this.canvas.height = Math.round(clientHeight * ratio);
    if (this.scale) this.draw();
  }

  fit() {
    const [left, top, right, bottom] = this.plan.box;
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const wide = right - left + 2 * this.pitch;
    const high = bottom - top + 2 * this.pitch;
    this.scale = Math.min(width / wide, height / high) || 1;
    this.dx = (width - wide * this.scale) / 2 - (left - this.pitch) * this.scale;
    this.dy = (height - high * this.scale) / 2 - (top - this.pitch) * this.scale;
    this.least = this.scale / 2;
    this.draw();
  }

  zoom(by, x = this.canvas.clientWidth / 2, y = this.canvas.clientHeight / 2) {
    const scale = Math.min(8, Math.max(this.least, this.scale * by));
    this.dx = x - ((x - this.dx) * scale) / this.scale;
    this.dy = y - ((y - this.dy) * scale) / this.scale;
    this.scale = scale;
    this.draw();
  }

  draw() {
    cancelAnimationFrame(this.pending);
    this.pending = requestAnimationFrame(() => this.paint());
  }

  paint() {
    const style = getComputedStyle(this.canvas);
    const colour = (name) => style.getPropertyValue(name);
    const context = this.canvas.getContext("2d");
    const ratio = devicePixelRatio || 1;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    context.setTransform(this.scale * ratio, 0, 0, this.scale * ratio, this.dx * ratio, this.dy * ratio);
    context.fillStyle = colour("--raised");
    context.strokeStyle = colour("--edge");
    for (const shape of this.plan.shapes) this.shape(context, shape, colour);
    const side = this.pitch * 0.72;
    const half = side / 2;
    const free = new Path2D();
    const taken = new Path2D();
    const blocked = new Path2D();
    const round = this.scale * side > 5; // smaller ones are squares: nobody can tell
    for (let index = 0; index < this.x.length; index += 1) {
      const x = this.x[index];
      const y = this.y[index];
      const state = this.states[index];
      if (state === "x") {
        blocked.moveTo(x - half, y - half);
        blocked.lineTo(x + half, y + half);
        blocked.moveTo(x + half, y - half);
        blocked.lineTo(x - half, y + half);
      } else {
        const path = state === "." ? free : taken;
        const size = state === "." ? half : half * 0.7;
        if (round) {
          path.moveTo(x + size, y);
          path.arc(x, y, size, 0, 7);
        } else path.rect(x - size, y - size, 2 * size, 2 * size);
      }
    }
    context.fillStyle = colour("--seat-free");
    context.fill(free);
    context.fillStyle = colour("--seat-held");
    context.fill(taken);
    context.lineWidth = side / 6;
    context.strokeStyle = colour("--bad");
    context.stroke(blocked);
    context.strokeStyle = colour("--ink");
    context.lineWidth = Math.max(side / 6, 2 / this.scale);
    const ring = new Path2D();
    for (const index of this.chosen) {
      ring.moveTo(this.x[index] + half * 1.25, this.y[index]);
      ring.arc(this.x[index], this.y[index], half * 1.25, 0, 7);
    }
    context.stroke(ring);
    if (this.frame) {
      const { x, y, width, height } = this.frame;
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      context.strokeStyle = colour("--accent");
      context.lineWidth = 2;
      context.strokeRect(x, y, width, height);
    }
  }

  shape(context, shape, colour) {
    const path = new Path2D();
    if (shape.kind === "rectangle") path.rect(shape.x, shape.y, shape.width, shape.height);
    if (shape.kind === "ellipse") {
      path.ellipse(shape.x, shape.y, shape.width / 2, shape.height / 2, 0, 0, 7);
    }
    if (shape.kind === "polygon") {
      for (const [x, y] of shape.points) path.lineTo(shape.x + x, shape.y + y);
      path.closePath();
    }
    context.fillStyle = colour("--line");
    context.fill(path);
    if (shape.text) {
      context.fillStyle = colour("--quiet");
      context.font = `${this.pitch}px sans-serif`;
      context.textAlign = "center";
      context.textBaseline = "middle";
      context.fillText(shape.text, shape.x + (shape.text_x || 0), shape.y + (shape.text_y || 0));
    }
  }

  at(event) {
    const box = this.canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  down(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, this.at(event));
    this.start = this.at(event);
    this.far = this.pointers.size > 1; // two fingers never tap
    this.frame = null;
  }

  move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = this.at(event);
    if (Math.hypot(now.x - this.start.x, now.y - this.start.y) > TAP_PX) this.far = true;
    if (this.pointers.size > 1) {
      const other = [...this.pointers].find(([id]) => id !== event.pointerId)[1];
      const was = Math.hypot(before.x - other.x, before.y - other.y) || 1;
      this.zoom(Math.hypot(now.x - other.x, now.y - other.y) / was, (now.x + other.x) / 2, (now.y + other.y) / 2);
      this.frame = null;
    } else if (this.moving) {
      this.dx += now.x - before.x;
      this.dy += now.y - before.y;
    } else if (this.far) {
      const { x, y } = this.start;
      this.frame = { x: Math.min(x, now.x), y: Math.min(y, now.y), width: Math.abs(now.x - x), height: Math.abs(now.y - y) };
    }
    this.pointers.set(event.pointerId, now);
    this.draw();
  }

  up(event, cancelled) {
    const known = this.pointers.delete(event.pointerId);
    if (!known || cancelled) this.frame = null;
    else if (this.frame) this.choose(this.frame);
    else if (!this.far) this.tap(this.at(event));
    this.frame = null;
    this.draw();
  }

  /** Where a spot of the canvas is on the plan. */
  spot({ x, y }) {
    return [(x - this.dx) / this.scale, (y - this.dy) / this.scale];
  }

  choose(frame) {
    const [left, top] = this.spot(frame);
    const [right, bottom] = this.spot({ x: frame.x + frame.width, y: frame.y + frame.height });
    for (let index = 0; index < this.x.length; index += 1) {
      const x = this.x[index];
      const y = this.y[index];
      const may = this.states[index] === "." || this.states[index] === "x";
      if (may && x >= left && x <= right && y >= top && y <= bottom) this.chosen.add(index);
    }
    this.changed();
  }

  tap(point) {
    const [x, y] = this.spot(point);
    let nearest = -1;
    let least = Math.max(this.pitch * 0.6, 14 / this.scale) ** 2;
    for (let index = 0; index < this.x.length; index += 1) {
      const far = (this.x[index] - x) ** 2 + (this.y[index] - y) ** 2;
      if (far < least) {
        least = far;
        nearest = index;
      }
    }
    if (nearest < 0 || !(this.states[nearest] === "." || this.states[nearest] === "x")) return;
    if (!this.chosen.delete(nearest)) this.chosen.add(nearest);
    this.changed();
  }
}
