// The waiting room: live by a stream, by questions where none gets through. The place itself is in
// a cookie and with the server; nothing that happens to this page can lose it.

import { call } from "./lib/http.js";
import { listen } from "./lib/live.js";
import { countDown } from "./lib/timer.js";
import { gettext } from "./lib/words.js";
import { offer, ring } from "./queue/alarm.js";
import { announce, showNotice, showPlace } from "./queue/show.js";

const room = document.getElementById("room");
const line = `/api/v1/events/${room.dataset.event}/queue`;
const again = () => setTimeout(() => location.reload(), 500 + Math.random() * 3000);
const calm = () => 20000 + Math.random() * 20000;

// --- the connection, told honestly

const link = document.getElementById("link");
let silent = 0;
let toldAway = false;
function showLink(how) {
  const words = {
    live: gettext("Live: this page moves by itself."),
    polling: gettext("This page asks for news every few seconds."),
    away: navigator.onLine
      ? gettext("The line cannot be reached at the moment. Your place is kept; we keep trying.")
      : gettext("You are offline. Your place is kept."),
  };
  link.hidden = false;
  link.dataset.link = how;
  link.querySelector("[data-fig]").textContent = words[how];
  document.getElementById("by-hand").hidden = how !== "away";
  // A hiccup is no news; being away for a while is, and so is its end.
  clearTimeout(silent);
  if (how === "away") {
    silent = setTimeout(() => {
      toldAway = true;
      announce(words.away);
    }, 5000);
  } else if (toldAway) {
    toldAway = false;
    announce(gettext("Connected again."));
  }
}

// --- the place

let end = null;
let slow = 0;

function show(view) {
  const shown = showPlace(view, { called: () => ring(room.dataset.title), over: look });
  // Where nothing will happen soon no stream is kept: a sold-out hall is left by thousands.
  if (shown === "sold_out" || shown === "closed") rest();
  else if (shown !== "left") start();
  return shown;
}

async function ask() {
  try {
    const view = await call("GET", `${line}/place`, undefined, { tries: 1 });
    show(view);
    return view.poll_after_s;
  } catch (problem) {
    // The token has run out, or the line has been closed for now: the server's page knows.
    if (problem.status === 401 || problem.code === "not_open" || problem.status === 404) again();
    throw problem;
  }
}
const look = () => setTimeout(() => ask().catch(() => {}), 1200);

function start() {
  clearTimeout(slow);
  slow = 0;
  end ??= listen(
    `${line}/stream`,
    { place: show, called: show, notice: ({ text }) => showNotice(text, { live: true }) },
    { poll: ask, state: showLink, silence: 45000 },
  );
}

function rest() {
  end?.();
  end = null;
  link.hidden = true;
  if (!slow) slow = setTimeout(slowly, calm());
}

async function slowly() {
  slow = setTimeout(slowly, calm());
  if (document.visibilityState === "visible") await ask().catch(() => {});
}

// --- without a place: only what everybody may know

async function watch() {
  const answer = await fetch(line).catch(() => null);
  if (answer?.ok && (await answer.json()).state !== room.dataset.sale) return again();
  return setTimeout(watch, calm() / 2);
}

for (const timer of room.querySelectorAll("[data-until]")) {
  const seconds = Number(timer.dataset.until);
  if (room.dataset.state === "draft" && seconds > 0) countDown(timer, seconds, { over: again });
}
if ("lives" in room.dataset) {
  offer();
  start();
} else if (room.dataset.state !== "closed") {
  setTimeout(watch, calm() / 2);
}
