// What the reader has picked and not yet held. Others may be faster: then the pick is gone at once,
// with the reason.

import { gettext, ngettext } from "../lib/words.js";
import { FREE, HELD } from "./states.js";

export class Picks {
  /** `most` seats for each fan, `own` of which are held already; `together` fit into one hold.
      `on`: changed(indices), say(text) calmly, alert(text, index). */
  constructor(hall, states, { most, together, own }, on) {
    Object.assign(this, { hall, states, most, together, own, on });
    this.list = [];
    this.locked = false; // while a hold is on its way the feed tells of our own seats
  }

  /** A seat in words. */
  name(i) {
    const { hall } = this;
    const section = hall.plan.zones[hall.zone[i]].name;
    const area = hall.area[i];
    if (area >= 0) return hall.plan.areas[area].name || section;
    return gettext("%(section)s, row %(row)s, seat %(seat)s", {
      section,
      row: hall.rowName[i],
      seat: hall.number[i],
    });
  }

  toggle(i) {
    if (this.states.picked[i]) this.drop(i);
    else this.pick(i);
  }

  /** Picks a seat if it may be had; says why not otherwise. */
  pick(i) {
    if (this.locked || this.states.picked[i]) return false;
    if (this.states.state[i] !== FREE) {
      this.on.say(this.whyNot(i));
      return false;
    }
    if (this.own + this.list.length >= this.most) {
      this.on.alert(
        ngettext("Each fan may have %(num)s seat.", "Each fan may have %(num)s seats.", this.most) +
          (this.own ? ` ${gettext("Those you hold already count.")}` : ""),
      );
      return false;
    }
    if (this.list.length >= this.together) {
      this.on.alert(
        ngettext("%(num)s seat can be held at once.", "%(num)s seats can be held at once.", this.together),
      );
      return false;
    }
    this.states.picked[i] = 1;
    this.list.push(i);
    this.on.changed([i]);
    this.on.say(gettext("Picked: %(seat)s", { seat: this.name(i) }));
    return true;
  }

  whyNot(i) {
    if (this.states.own[i]) return gettext("You hold this seat already.");
    const code = this.states.state[i];
    if (code === HELD) return gettext("Somebody holds this seat just now. It may come back.");
    return gettext("This seat cannot be had.");
  }

  drop(i) {
    if (this.locked || !this.states.picked[i]) return;
    this.remove(i);
    this.on.changed([i]);
    this.on.say(gettext("Given up: %(seat)s", { seat: this.name(i) }));
  }

  remove(i) {
    this.states.picked[i] = 0;
    this.list.splice(this.list.indexOf(i), 1);
  }

  /** Seats that the feed has changed: picks among them that others now have are gone. */
  check(indices) {
    if (!this.locked) this.lose(indices.filter((i) => this.states.state[i] !== FREE));
  }

  /** Takes back the picks among `indices`: somebody was faster. In an area one place is as good as
      another, so it is exchanged quietly. Returns whether all could be exchanged. */
  lose(indices) {
    const lost = [];
    const changed = [];
    for (const i of indices) {
      if (!this.states.picked[i]) continue;
      this.remove(i);
      changed.push(i);
      const other = this.hall.area[i] >= 0 ? this.anyOf(this.hall.area[i], new Set(indices)) : -1;
      if (other >= 0) {
        this.states.picked[other] = 1;
        this.list.push(other);
        changed.push(other);
      } else lost.push(i);
    }
    if (changed.length) this.on.changed(changed);
    for (const i of lost) {
      this.on.alert(gettext("Somebody was faster: %(seat)s is taken. It is no longer among your picks.", { seat: this.name(i) }), i);
    }
    return lost.length === 0;
  }

  /** Any free place of an area, not the first: who asks at the same moment gets another. */
  anyOf(area, but = new Set()) {
    const free = [];
    for (const [first, count] of this.hall.plan.areas[area].seats) {
      for (let i = first; i < first + count; i += 1) {
        if (this.states.state[i] === FREE && !this.states.picked[i] && !but.has(i)) free.push(i);
      }
    }
    return free.length ? free[Math.floor(Math.random() * free.length)] : -1;
  }

  inArea(area) {
    return this.list.filter((i) => this.hall.area[i] === area);
  }

  /** One more place of an area. */
  more(area) {
    const i = this.anyOf(area);
    if (i >= 0) this.pick(i);
    else this.on.alert(gettext("No more places are free here."));
  }

  /** One place of an area less. */
  fewer(area) {
    const mine = this.inArea(area);
    if (mine.length) this.drop(mine.at(-1));
  }
}
