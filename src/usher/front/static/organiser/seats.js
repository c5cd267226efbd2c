// Blocking seats by pointing at them: one canvas, taps and frames; what is chosen is sent at once.

import { call } from "../lib/http.js";
import { gettext, ngettext, number } from "../lib/words.js";
import { SeatCanvas } from "./canvas.js";

const root = document.getElementById("pointing");
const event = root.dataset.event;
const part = (id) => document.getElementById(id);
const said = part("chosen");
root.hidden = false;
let map = null;
let busy = false;

function told() {
  const seats = map.chosen.size;
  said.textContent = seats ? ngettext("%(num)s seat selected", "%(num)s seats selected", seats) : "";
  for (const id of ["block", "unblock", "clear"]) part(id).disabled = busy || !seats;
}

function count() {
  let blocked = 0;
  let free = 0;
  for (const state of map.states) {
    if (state === "x") blocked += 1;
    else if (state === ".") free += 1;
  }
  part("blocked").textContent = number(blocked);
  part("free").textContent = number(free);
}

async function load() {
  const answer = await fetch(`/organiser/events/${event}/seats.json`, { cache: "no-store" });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

/** The rows below, as the server tells them now; what is being typed there stays. */
async function freshRows() {
  const answer = await fetch(location.pathname + location.search, { cache: "no-store" });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  part("row-states").replaceWith(document.adoptNode(page.getElementById("row-states")));
}

async function send(what) {
  const from = what === "block" ? "." : "x";
  const seats = [...map.chosen].filter((index) => map.states[index] === from || what === "block");
  busy = true;
  told();
  let message = "";
  try {
    const guids = seats.map((index) => map.plan.seats.guid[index]);
    await call("PATCH", `/api/v1/events/${event}/seats`, { [what]: guids });
    map.chosen.clear();
    message =
      what === "block"
        ? ngettext("%(num)s seat blocked.", "%(num)s seats blocked.", seats.length)
        : ngettext("%(num)s seat is back on sale.", "%(num)s seats are back on sale.", seats.length);
  } catch (problem) {
    if (problem.code === "seat_taken") {
      const taken = new Set(problem.body.taken);
      for (const index of seats) if (taken.has(map.plan.seats.guid[index])) map.chosen.delete(index);
      message = ngettext(
        "A fan has %(num)s of these seats, so nothing was changed. It is no longer selected: try again.",
        "Fans have %(num)s of these seats, so nothing was changed. They are no longer selected: try again.",
        taken.size,
      );
    } else if (problem.status === 401) {
      location.assign(`/login?next=${location.pathname}`);
      return;
    } else {
      message = gettext("This could not be saved just now. Nothing is lost: try again.");
    }
  }
  try {
    map.show((await load()).states);
    count();
    await freshRows();
  } catch {
    // the map is as it was; the next press tells
  }
  busy = false;
  told();
  if (message) said.textContent = message;
}

try {
  const { plan, states } = await load();
  map = new SeatCanvas(part("seats"), plan, states, told);
  part("block").onclick = () => send("block");
  part("unblock").onclick = () => send("unblock");
  part("clear").onclick = () => {
    map.chosen.clear();
    map.draw();
    told();
  };
  for (const mode of ["select", "move"]) {
    part(`mode-${mode}`).onclick = () => {
      map.moving = mode === "move";
      part("mode-select").setAttribute("aria-pressed", String(!map.moving));
      part("mode-move").setAttribute("aria-pressed", String(map.moving));
    };
  }
  part("zoom-in").onclick = () => map.zoom(1.5);
  part("zoom-out").onclick = () => map.zoom(1 / 1.5);
  part("zoom-fit").onclick = () => map.fit();
  told();
  root.dataset.ready = "1";
} catch {
  said.textContent = gettext("The map could not be loaded. The rows below do the same.");
}
