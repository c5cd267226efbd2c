// The page of an offer: how long it stands, and a look again when that is over.

import { countDown } from "./lib/timer.js";

const timer = document.querySelector("[data-left]");
if (timer) {
  const again = () => setTimeout(() => location.reload(), 1500);
  countDown(timer, Number(timer.dataset.left), { warn: 300, over: again });
}
