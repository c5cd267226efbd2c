// The checkout: the time that is left, more of it at the press of a button, one booking a press.

import { renew } from "./lib/renew.js";
import { countDown } from "./lib/timer.js";
import { clock, gettext } from "./lib/words.js";

const form = document.getElementById("details");
const said = document.getElementById("said");
let stop = () => {};
let sent = false;

function soon() {
  document.getElementById("hold").classList.add("soon");
  document.querySelector("[data-soon]").hidden = false;
  said.textContent = gettext("Less than two minutes left for these seats.");
}

function over() {
  said.textContent = gettext("The time for these seats is over.");
  // The server rounds down: a second later it knows as well, and shows the way back.
  if (!sent) setTimeout(() => location.reload(), 1200);
}

function start() {
  stop();
  const timer = document.querySelector("#hold [data-left]");
  const left = Number(timer.dataset.left);
  stop = countDown(timer, left, { soon, over });
  return left;
}

async function extend(button) {
  button.disabled = true;
  try {
    // Without what was typed: that stays in the page.
    const more = { method: "POST", body: new URLSearchParams({ more: "1" }) };
    if (!(await renew(["hold"], button.formAction, more))) return location.reload();
    said.textContent = gettext("The seats are held for %(time)s.", { time: clock(start()) });
    const now = document.getElementById("extend");
    (now ?? document.querySelector("#f-name")).focus();
  } catch {
    button.disabled = false;
    document.querySelector("[data-lost]").hidden = false;
    said.textContent = gettext("That did not get through. Please try again.");
  }
  return undefined;
}

form.addEventListener("submit", (event) => {
  if (sent) return event.preventDefault();
  if (event.submitter?.dataset.extend !== undefined) {
    event.preventDefault();
    return extend(event.submitter);
  }
  sent = true;
  event.submitter?.setAttribute("aria-disabled", "true");
  return undefined;
});
// Come back to by the browser's own button: it may be sent again.
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  sent = false;
  for (const button of form.querySelectorAll("[aria-disabled]")) button.removeAttribute("aria-disabled");
});

// What was typed is there again for the next seats, should these lapse.
for (const field of form.querySelectorAll("input[name]")) {
  try {
    if (!field.value) field.value = sessionStorage.getItem(`buyer-${field.name}`) ?? "";
    field.addEventListener("input", () => sessionStorage.setItem(`buyer-${field.name}`, field.value));
  } catch {
    // No storage here: then it is typed again.
  }
}

start();
