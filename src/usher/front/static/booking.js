// A booking, live: the server says when something has changed, and draws it.

import { call } from "./lib/http.js";
import { listen } from "./lib/live.js";
import { printing } from "./lib/print.js";
import { renew } from "./lib/renew.js";
import { countDown } from "./lib/timer.js";
import { gettext } from "./lib/words.js";

const SLOW_MS = 5000; // a bank that has said nothing for so long is slow
const LAST = ["confirmed", "conflict", "refunded"]; // nothing comes after these

const said = document.getElementById("said");
const api = `/api/v1/bookings/${part().dataset.booking}`;
let stop = () => {};
let slow = 0;
let asking = false;

function part() {
  return document.getElementById("booking");
}

function start() {
  stop();
  clearTimeout(slow);
  printing();
  const timer = document.querySelector("#booking [data-left]");
  if (timer) {
    const over = () => setTimeout(look, 1500);
    stop = countDown(timer, Number(timer.dataset.left), { soon, over });
  }
  const note = document.querySelector("[data-slow]");
  if (note) {
    slow = setTimeout(() => {
      note.hidden = false;
      said.textContent = note.textContent;
    }, SLOW_MS);
  }
  for (const form of document.querySelectorAll("form[data-once]")) {
    form.onsubmit = (event) => {
      if (form.dataset.sent) event.preventDefault();
      form.dataset.sent = "1";
    };
  }
}

function soon() {
  document.querySelector(".clock").classList.add("soon");
  document.querySelector("[data-soon]").hidden = false;
  said.textContent = gettext("Less than two minutes left to pay.");
}

async function look() {
  if (asking) return;
  asking = true;
  try {
    if (!(await renew(["booking"]))) location.reload();
    said.textContent = part().querySelector("h1").textContent;
    start();
  } finally {
    asking = false;
  }
  if (LAST.includes(part().dataset.key.split(":")[0])) end();
}

function told(view) {
  if (part().dataset.key !== `${view.state}:${view.payment?.state ?? ""}`) {
    look().catch(() => setTimeout(() => told(view), 2000));
  }
}

addEventListener("pageshow", (event) => {
  if (event.persisted) for (const form of document.querySelectorAll("form")) delete form.dataset.sent;
});
let end = () => {};
start();
if (!LAST.includes(part().dataset.key.split(":")[0])) {
  end = listen(
    `${api}/stream`,
    { booking: told },
    {
      async poll() {
        told(await call("GET", api));
        return 3;
      },
      state(how) {
        document.getElementById("away").hidden = how !== "away";
      },
    },
  );
}
