// The plan as typed arrays, and what is near what. Knows nothing of who has which seat.

const CELLS_MAX = 200; // along either side

/** How far apart seats usually stand: the lower quartile of up to 300 neighbours. */
function usual(gaps) {
  if (!gaps.length) return 0;
  gaps.sort((a, b) => a - b);
  return gaps[gaps.length >> 2];
}

export class Hall {
  /** `plan` is the document of GET .../plan. */
  constructor(plan) {
    const { seats } = plan;
    this.plan = plan;
    this.count = seats.guid.length;
    this.guid = seats.guid;
    this.number = seats.number;
    this.rowName = seats.row;
    this.x = Float32Array.from(seats.x);
    this.y = Float32Array.from(seats.y);
    this.category = Uint8Array.from(seats.category);
    this.zone = Uint16Array.from(seats.zone);
    this.accessible = new Uint8Array(this.count);
    for (const index of seats.accessible) this.accessible[index] = 1;
    this.area = new Int16Array(this.count).fill(-1);
    plan.areas.forEach((area, a) => {
      for (const [first, count] of area.seats) this.area.fill(a, first, first + count);
    });
    this.measure();
    this.sortIntoCells();
  }

  /** Runs, rows, the pitch of every zone, the box and the middle of its seats. */
  measure() {
    const zones = this.plan.zones;
    const boxes = new Float32Array(zones.length * 4);
    const radius = new Float32Array(zones.length);
    this.runs = []; // by zone: flat [first, count, ...]
    this.middle = [];
    let least = Infinity;
    zones.forEach((zone, z) => {
      const gaps = [];
      const runs = [];
      let [left, top, right, bottom, sx, sy, n] = [Infinity, Infinity, -Infinity, -Infinity, 0, 0, 0];
      for (const row of zone.rows) {
        for (const [first, count] of row.seats) {
          runs.push(first, count);
          for (let i = first; i < first + count; i += 1) {
            const [x, y] = [this.x[i], this.y[i]];
            left = Math.min(left, x);
            right = Math.max(right, x);
            top = Math.min(top, y);
            bottom = Math.max(bottom, y);
            sx += x;
            sy += y;
            n += 1;
            if (i > first && gaps.length < 300) gaps.push(Math.hypot(x - this.x[i - 1], y - this.y[i - 1]));
          }
        }
      }
      this.runs.push(Int32Array.from(runs));
      this.middle.push(n ? [sx / n, sy / n] : [zone.x, zone.y]);
      boxes.set(n ? [left, top, right, bottom] : [zone.x, zone.y, zone.x, zone.y], z * 4);
      const pitch = usual(gaps);
      radius[z] = pitch * 0.42;
      if (pitch > 0) least = Math.min(least, pitch);
    });
    for (const area of this.plan.areas) {
      const at = area.zone * 4;
      const box = [area.x, area.y, area.x + area.width, area.y + area.height];
      if (this.runs[area.zone].length === 0 && boxes[at] === boxes[at + 2]) boxes.set(box, at);
      for (let s = 0; s < 4; s += 1) {
        boxes[at + s] = s < 2 ? Math.min(boxes[at + s], box[s]) : Math.max(boxes[at + s], box[s]);
      }
    }
    this.pitch = least === Infinity ? 20 : least;
    for (let z = 0; z < radius.length; z += 1) radius[z] ||= this.pitch * 0.42;
    this.boxes = boxes;
    this.radius = radius;
    const [left, top, right, bottom] = this.plan.box;
    const edge = this.pitch * 2;
    this.box = [left - edge, top - edge, right + edge, bottom + edge];
  }

  /** Seats by the square of the hall they stand in, as one counting sort. */
  sortIntoCells() {
    const [left, top, right, bottom] = this.box;
    this.cell = Math.max(this.pitch * 3, (right - left) / CELLS_MAX, (bottom - top) / CELLS_MAX, 1);
    this.columns = Math.ceil((right - left) / this.cell) + 1;
    this.lines = Math.ceil((bottom - top) / this.cell) + 1;
    const start = new Int32Array(this.columns * this.lines + 1);
    const at = new Int32Array(this.count);
    for (let i = 0; i < this.count; i += 1) {
      at[i] = this.cellOf(this.x[i], this.y[i]);
      if (this.area[i] < 0) start[at[i] + 1] += 1;
    }
    for (let c = 1; c < start.length; c += 1) start[c] += start[c - 1];
    const next = start.slice();
    this.sorted = new Int32Array(this.count);
    for (let i = 0; i < this.count; i += 1) if (this.area[i] < 0) this.sorted[next[at[i]]++] = i;
    this.start = start;
    this.found = new Int32Array(this.count);
  }

  cellOf(x, y) {
    const column = Math.max(0, Math.min(this.columns - 1, Math.floor((x - this.box[0]) / this.cell)));
    const line = Math.max(0, Math.min(this.lines - 1, Math.floor((y - this.box[1]) / this.cell)));
    return line * this.columns + column;
  }

  /** Seats in a rectangle, as a view of one array that the next call overwrites. */
  within(left, top, right, bottom) {
    let n = 0;
    if (right >= this.box[0] && bottom >= this.box[1] && left <= this.box[2] && top <= this.box[3]) {
      const [from, to] = [this.cellOf(left, top), this.cellOf(right, bottom)];
      const [c0, c1] = [from % this.columns, to % this.columns];
      for (let row = from - c0; row <= to - c1; row += this.columns) {
        for (let k = this.start[row + c0]; k < this.start[row + c1 + 1]; k += 1) {
          const i = this.sorted[k];
          const x = this.x[i];
          const y = this.y[i];
          if (x >= left && x <= right && y >= top && y <= bottom) this.found[n++] = i;
        }
      }
    }
    return this.found.subarray(0, n);
  }

  /** The seat nearest to a spot, at most `reach` away; -1 where there is none. */
  nearest(x, y, reach) {
    let best = -1;
    let least = reach * reach;
    for (const i of this.within(x - reach, y - reach, x + reach, y + reach)) {
      const far = (this.x[i] - x) ** 2 + (this.y[i] - y) ** 2;
      if (far <= least) [best, least] = [i, far];
    }
    return best;
  }

  /** The area at a spot, -1 where there is none. */
  areaAt(x, y) {
    return this.plan.areas.findIndex(
      (area) => x >= area.x && x <= area.x + area.width && y >= area.y && y <= area.y + area.height,
    );
  }
}
