// Where the reader looks: the plan's spot in the middle of the canvas, and pixels per plan unit.

export class Camera {
  constructor(hall) {
    this.hall = hall;
    this.width = 1;
    this.height = 1;
    this.x = (hall.box[0] + hall.box[2]) / 2;
    this.y = (hall.box[1] + hall.box[3]) / 2;
    this.scale = 1;
    this.least = 1; // so that it begins with the whole hall
  }

  resize(width, height) {
    const whole = Math.abs(this.scale - this.least) < 1e-9;
    this.width = width;
    this.height = height;
    this.least = this.fitting(this.hall.box, 40 / this.hall.pitch);
    this.most = Math.max(46 / this.hall.pitch, this.least);
    if (whole || this.scale < this.least) this.fit();
    else this.keep();
  }

  fitting([left, top, right, bottom], most) {
    return Math.min(this.width / (right - left), this.height / (bottom - top), most);
  }

  fit() {
    this.look(this.hall.box, this.least);
  }

  /** Shows a box of the plan, no larger than `most` pixels a unit. */
  look(box, most) {
    this.scale = Math.max(this.least, Math.min(this.fitting(box, most), this.most));
    this.x = (box[0] + box[2]) / 2;
    this.y = (box[1] + box[3]) / 2;
    this.keep();
  }

  /** Never leaves the hall: its middle part stays in sight. */
  keep() {
    const [left, top, right, bottom] = this.hall.box;
    const inside = (at, low, high, half) =>
      high - low <= 2 * half ? (low + high) / 2 : Math.max(low + half * 0.6, Math.min(high - half * 0.6, at));
    this.x = inside(this.x, left, right, this.width / 2 / this.scale);
    this.y = inside(this.y, top, bottom, this.height / 2 / this.scale);
  }

  pan(dx, dy) {
    this.x -= dx / this.scale;
    this.y -= dy / this.scale;
    this.keep();
  }

  /** Zooms by a factor; the spot under the pixel (px, py) stays there. */
  zoom(factor, px = this.width / 2, py = this.height / 2) {
    const [x, y] = this.toPlan(px, py);
    this.scale = Math.max(this.least, Math.min(this.most, this.scale * factor));
    this.x = x - (px - this.width / 2) / this.scale;
    this.y = y - (py - this.height / 2) / this.scale;
    this.keep();
  }

  toPlan(px, py) {
    return [this.x + (px - this.width / 2) / this.scale, this.y + (py - this.height / 2) / this.scale];
  }

  toScreen(x, y) {
    return [(x - this.x) * this.scale + this.width / 2, (y - this.y) * this.scale + this.height / 2];
  }
}
