// Counting down. Deadlines come as seconds left, not as times: clocks of browsers are wrong.

import { clock } from "./words.js";

/**
 * Shows in `element` how much of `seconds` is left; `soon` is called once at `warn` seconds, `over`
 * at the end. Returns a function that stops it.
 */
export function countDown(element, seconds, { warn = 120, soon = () => {}, over = () => {} } = {}) {
  const end = performance.now() + seconds * 1000;
  let warned = false;
  let timer = 0;
  function tick() {
    const left = (end - performance.now()) / 1000;
    element.textContent = clock(left);
    element.classList.toggle("soon", left <= warn);
    if (left <= warn && !warned) {
      warned = true;
      soon(left);
    }
    if (left <= 0) over();
    else timer = setTimeout(tick, Math.min(1000, (left % 1) * 1000 + 20));
  }
  tick();
  return () => clearTimeout(timer);
}
