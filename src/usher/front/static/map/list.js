// The same seats as a list: sections hold rows, rows hold seats. A row is built when it is opened,
// so that 80,000 seats are not 80,000 elements.

import { gettext, money } from "../lib/words.js";
import { freeText } from "./labels.js";
import { BLOCKED, FREE, HELD, OWN, PICKED } from "./states.js";

const make = (tag, name, text) => {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text !== undefined) element.textContent = text;
  return element;
};

export class SeatList {
  /** `on`: toggle(index), show(index), more(area), fewer(area). `price(index)` is money. */
  constructor(root, hall, states, picks, price, on) {
    Object.assign(this, { root, hall, states, picks, price, on });
    this.buttons = new Map(); // by seat, of the rows that are open
    this.counts = []; // by zone
    this.rows = new Map(); // open rows' counts, by their runs
    this.steppers = new Map(); // by area
    this.late = 0;
    root.replaceChildren();
    hall.plan.zones.forEach((zone, z) => root.append(this.section(zone, z)));
  }

  /** An element that is filled when it is opened, and emptied when it is closed. */
  folded(name, title, count, fill, empty) {
    const details = make("details", name);
    const summary = make("summary");
    summary.append(make("span", "name", title), count);
    const body = make("div", "body");
    details.append(summary, body);
    // Filled before it opens: "toggle" comes later than the next press of a key may.
    summary.addEventListener("click", () => {
      if (!details.open && !body.firstChild) fill(body);
    });
    details.addEventListener("toggle", () => {
      if (details.open && !body.firstChild) fill(body);
      else if (!details.open) {
        body.replaceChildren();
        empty();
      }
    });
    return details;
  }

  section(zone, z) {
    const count = make("span", "count", "");
    this.counts[z] = count;
    const fill = (body) => {
      this.hall.plan.areas.forEach((area, a) => {
        if (area.zone === z) body.append(this.area(area, a));
      });
      for (const row of zone.rows) body.append(this.row(row));
    };
    const details = this.folded("section", zone.name, count, fill, () => this.prune());
    details.dataset.zone = z;
    return details;
  }

  /** Forgets what is no longer on the page. */
  prune() {
    for (const [i, button] of this.buttons) if (!button.isConnected) this.buttons.delete(i);
    for (const [row, count] of this.rows) if (!count.isConnected) this.rows.delete(row);
    for (const [a, stepper] of this.steppers) if (!stepper.count.isConnected) this.steppers.delete(a);
  }

  row(row) {
    const count = make("span", "count", freeText(this.freeIn(row)));
    this.rows.set(row, count);
    const title = gettext("Row %(name)s", { name: row.number });
    return this.folded("row", title, count, (body) => this.fillRow(body, row, title), () => this.prune());
  }

  freeIn(row) {
    let free = 0;
    for (const [first, count] of row.seats) {
      for (let i = first; i < first + count; i += 1) free += this.states.state[i] === FREE;
    }
    return free;
  }

  fillRow(body, row, title) {
    const group = make("div", "seat-buttons");
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", title);
    for (const [first, count] of row.seats) {
      for (let i = first; i < first + count; i += 1) group.append(this.seat(i));
    }
    if (group.firstChild) group.firstChild.tabIndex = 0;
    // One stop for the Tab key; arrows go from seat to seat.
    group.addEventListener("keydown", (event) => {
      const seats = [...group.children];
      const at = seats.indexOf(document.activeElement);
      const back = document.documentElement.dir === "rtl" ? "ArrowRight" : "ArrowLeft";
      const on = back === "ArrowLeft" ? "ArrowRight" : "ArrowLeft";
      const to = { [back]: at - 1, [on]: at + 1, ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: seats.length - 1 }[event.key];
      if (to === undefined || at < 0) return;
      event.preventDefault();
      seats[Math.max(0, Math.min(seats.length - 1, to))].focus();
    });
    group.addEventListener("focusin", (event) => {
      for (const each of group.children) each.tabIndex = each === event.target ? 0 : -1;
      this.on.show(Number(event.target.dataset.seat));
    });
    group.addEventListener("focusout", () => this.on.show(-1));
    group.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) this.on.toggle(Number(button.dataset.seat));
    });
    body.append(group);
  }

  seat(i) {
    const button = make("button", "seat-button", this.hall.number[i]);
    button.type = "button";
    button.tabIndex = -1;
    button.dataset.seat = i;
    this.buttons.set(i, button);
    this.dress(i, button);
    return button;
  }

  dress(i, button) {
    const look = this.states.look(i);
    const states = {
      [FREE]: gettext("free"),
      [HELD]: gettext("held by somebody"),
      [PICKED]: gettext("your pick"),
      [OWN]: gettext("held for you"),
      [BLOCKED]: gettext("not for sale"),
    };
    const words = [
      gettext("Seat %(number)s", { number: this.hall.number[i] }),
      this.hall.plan.categories[this.hall.category[i]].name,
      money(this.price(i)),
    ];
    if (this.hall.accessible[i]) words.push(gettext("accessible"));
    words.push(states[look] ?? gettext("sold"));
    button.setAttribute("aria-label", words.join(", "));
    button.setAttribute("aria-pressed", String(look === PICKED));
    button.setAttribute("aria-disabled", String(look !== FREE && look !== PICKED));
    button.dataset.look = ["free", "held", "sold", "blocked", "mine", "own"][look];
    button.classList.toggle("wheel", this.hall.accessible[i] === 1);
  }

  /** Places of an area: one less, how many, one more. */
  area(area, a) {
    const box = make("div", "area");
    const name = area.name || this.hall.plan.zones[area.zone].name;
    const category = this.hall.plan.categories[area.category].name;
    const free = make("span", "count", "");
    const head = make("p", "", "");
    head.append(make("strong", "", name), ` · ${category} · ${money(this.price(area.seats[0][0]))} `, free);
    const count = make("output", "figure", "0");
    const button = (text, label, act) => {
      const found = make("button", "plain", text);
      found.type = "button";
      found.setAttribute("aria-label", label);
      found.addEventListener("click", act);
      return found;
    };
    const steps = make("div", "steps");
    steps.append(
      button("\u2212", gettext("One place less: %(area)s", { area: name }), () => this.on.fewer(a)),
      count,
      button("+", gettext("One place more: %(area)s", { area: name }), () => this.on.more(a)),
    );
    box.append(head, steps);
    this.steppers.set(a, { count, free });
    this.stepper(a);
    return box;
  }

  stepper(a) {
    const found = this.steppers.get(a);
    if (!found) return;
    found.count.textContent = this.picks.inArea(a).length;
    found.free.textContent = freeText(this.states.freeInArea[a]);
  }

  /** These seats look different now; counts follow with the next frame. */
  changed(indices) {
    if (this.buttons.size) {
      for (const i of indices) {
        const button = this.buttons.get(i);
        if (button) this.dress(i, button);
      }
    }
    this.late ||= requestAnimationFrame(() => this.recount());
  }

  recount() {
    this.late = 0;
    const write = (element, text) => {
      if (element.textContent !== text) element.textContent = text;
    };
    this.counts.forEach((count, z) => write(count, freeText(this.states.freeInZone[z])));
    for (const [row, count] of this.rows) write(count, freeText(this.freeIn(row)));
    for (const a of this.steppers.keys()) this.stepper(a);
  }

  /** Opens a section. */
  open(z, focus = false) {
    const details = this.root.querySelector(`[data-zone="${z}"]`);
    if (!details) return;
    details.open = true;
    if (focus) {
      details.querySelector("summary").focus();
      details.scrollIntoView({ block: "nearest" });
    }
  }
}
