// A setting to turn: a number, a slider beside it that feels the same at 10 and at 100,000, steps.

import { number } from "../lib/words.js";

const TICKS = 1000;

/** Two digits that mean something: nobody wants 1,037 a minute from a slider. */
function round(value) {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, value))) - 1);
  return Math.max(1, Math.round(value / unit) * unit);
}

/** The knob in `[data-knob]`. `moved` hears every movement, `set` where it came to rest. */
export class Knob {
  constructor(field, moved, set) {
    this.name = field.dataset.knob;
    this.most = Number(field.dataset.most);
    this.input = field.querySelector('input[type="number"]');
    this.range = field.querySelector('input[type="range"]');
    const steps = field.querySelector(".nudges");
    this.range.hidden = steps.hidden = false;
    this.input.addEventListener("input", () => {
      this.#follow();
      moved();
    });
    this.input.addEventListener("change", set);
    this.range.addEventListener("input", () => {
      this.input.value = this.#value(Number(this.range.value));
      this.#say();
      moved();
    });
    this.range.addEventListener("change", set);
    steps.addEventListener("click", (event) => {
      const times = Number(event.target.closest("[data-times]")?.dataset.times);
      if (!times) return;
      const now = this.value || 1;
      const next = Math.round(now * times);
      // A tenth of a small number is less than one: it moves all the same.
      this.show(Math.min(this.most, Math.max(1, next === now ? now + Math.sign(times - 1) : next)));
      moved();
      set();
    });
    this.#follow();
  }

  /** What the number says; 0 where it says nothing that can be. */
  get value() {
    const value = Number(this.input.value);
    return Number.isInteger(value) && value >= 1 && value <= this.most ? value : 0;
  }

  get busy() {
    return document.activeElement === this.input || document.activeElement === this.range;
  }

  show(value) {
    this.input.value = value;
    this.#follow();
  }

  #value(tick) {
    return Math.min(this.most, round(this.most ** (tick / TICKS)));
  }

  #follow() {
    if (this.value) this.range.value = (TICKS * Math.log(this.value)) / Math.log(this.most);
    this.#say();
  }

  #say() {
    this.range.setAttribute("aria-valuetext", number(this.value));
  }
}
