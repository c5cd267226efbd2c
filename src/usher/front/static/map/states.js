// Who has which seat, as the feed tells it, and what the reader has picked.

export const FREE = 0;
export const HELD = 1;
export const SOLD = 2;
export const BLOCKED = 3;
export const PICKED = 4;
export const OWN = 5; // in a hold of the reader's own
const CODE = { ".": FREE, h: HELD, c: HELD, s: SOLD, x: BLOCKED };

export class States {
  /** `own` are the indices of seats that the reader holds already. */
  constructor(hall, own) {
    this.hall = hall;
    this.state = new Uint8Array(hall.count).fill(BLOCKED);
    this.picked = new Uint8Array(hall.count);
    this.own = new Uint8Array(hall.count);
    for (const index of own) this.own[index] = 1;
    this.freeInZone = new Int32Array(hall.plan.zones.length);
    this.freeInCategory = new Int32Array(hall.plan.categories.length);
    this.freeInArea = new Int32Array(hall.plan.areas.length);
    this.seatsInZone = new Int32Array(hall.plan.zones.length);
    for (let i = 0; i < hall.count; i += 1) this.seatsInZone[hall.zone[i]] += 1;
  }

  /** How a seat is to be shown. */
  look(i) {
    if (this.picked[i]) return PICKED;
    if (this.own[i] && this.state[i] !== FREE) return OWN;
    return this.state[i];
  }

  set(i, code) {
    if (this.state[i] === code) return false;
    const step = (code === FREE) - (this.state[i] === FREE);
    this.state[i] = code;
    if (step) {
      this.freeInZone[this.hall.zone[i]] += step;
      this.freeInCategory[this.hall.category[i]] += step;
      if (this.hall.area[i] >= 0) this.freeInArea[this.hall.area[i]] += step;
    }
    return true;
  }

  /** Takes a snapshot; the indices that changed. */
  snapshot(letters) {
    const changed = [];
    const count = Math.min(letters.length, this.hall.count);
    for (let i = 0; i < count; i += 1) {
      if (this.set(i, CODE[letters[i]] ?? BLOCKED)) changed.push(i);
    }
    return changed;
  }

  /** Takes changes [[index, letter], ...]; the indices that changed. */
  change(pairs) {
    const changed = [];
    for (const [i, letter] of pairs) {
      if (i < this.hall.count && this.set(i, CODE[letter] ?? BLOCKED)) changed.push(i);
    }
    return changed;
  }
}
