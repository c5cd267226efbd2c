// The event's page: countdowns, and how many seats are left, asked for at a calm pace.

import { countDown } from "./lib/timer.js";
import { ngettext } from "./lib/words.js";

const page = document.querySelector("[data-event]");

for (const timer of document.querySelectorAll("[data-until]")) {
  const seconds = Number(timer.dataset.until);
  // Spread over a few seconds: everybody's countdown ends at the same moment.
  const again = () => setTimeout(() => location.reload(), 500 + Math.random() * 3000);
  if (seconds <= 0) continue;
  timer.closest("[hidden]")?.removeAttribute("hidden"); // without a script nothing would count
  countDown(timer, seconds, { over: again });
}

const left = document.getElementById("left");
async function look() {
  if (document.visibilityState === "visible") {
    const answer = await fetch(`/api/v1/events/${page.dataset.event}/queue`).catch(() => null);
    if (answer?.ok) {
      const line = await answer.json();
      if (line.state !== page.dataset.state) return location.reload();
      left.textContent = ngettext("%(num)s seat left", "%(num)s seats left", line.left);
    }
  }
  return setTimeout(look, 8000 + Math.random() * 4000);
}
if (["lobby", "open", "paused"].includes(page.dataset.state)) setTimeout(look, 3000);
