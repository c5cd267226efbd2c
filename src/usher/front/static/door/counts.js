// Who is inside, as it changes, and the last scans.

import { call } from "../lib/http.js";
import { gettext, number } from "../lib/words.js";
import { at, seatWords, wordFor } from "./verdict.js";

const LATEST = 8;
const CONTESTED = 50;
const $ = (id) => document.getElementById(id);
let shown = "";

function row(...cells) {
  const line = document.createElement("tr");
  for (const [index, text] of cells.entries()) {
    const cell = line.insertCell();
    if (index) cell.className = "number";
    cell.textContent = text;
  }
  return line;
}

function line(scan) {
  const item = document.createElement("li");
  item.className = scan.outcome === "admitted" ? "good" : scan.let_in ? "warn" : "bad";
  const [when, what, word] = ["span", "span", "strong"].map((name) => document.createElement(name));
  when.className = "figure";
  when.textContent = at(scan.scanned_at).slice(0, 5);
  word.textContent = wordFor(scan.outcome);
  what.append(word);
  if (scan.ticket) {
    // Names and seats keep their own direction.
    const [holder, seat] = ["bdi", "bdi"].map((name) => document.createElement(name));
    holder.textContent = scan.ticket.holder;
    seat.textContent = seatWords(scan.ticket);
    what.append(" · ", holder, " · ", seat);
  }
  if (scan.entrance) {
    const where = document.createElement("span");
    where.className = "quiet";
    where.textContent = scan.entrance;
    what.append(" ", where);
  }
  item.append(when, what);
  return item;
}

export function showEntered(entered, sold = Number($("inside").max)) {
  $("n-entered").textContent = number(entered);
  [$("inside").max, $("inside").value] = [Math.max(1, sold), entered];
}

function showCounts(counts) {
  showEntered(counts.entered, counts.sold);
  $("n-sold").textContent = gettext("of %(most)s", { most: number(counts.sold) });
  $("categories").replaceChildren(
    ...counts.categories.map((each) => row(each.name, number(each.entered), number(each.sold))),
  );
  $("entrances").replaceChildren(
    ...counts.entrances.map((each) => row(each.name || gettext("No name"), number(each.entered))),
  );
  $("entrances-part").hidden = !counts.entrances.length;
}

/** Asks how many are inside; and for the last scans, where there are new ones. */
export async function lookInside(event) {
  const path = `/api/v1/events/${event}/checkins`;
  const once = { tries: 1, patience: 5000 };
  const counts = await call("GET", path, undefined, once);
  showCounts(counts);
  const now = [counts.entered, counts.refused, counts.doubles, counts.overruled].join();
  if (now === shown) return;
  const [latest, contested] = await Promise.all([
    call("GET", `${path}/scans?limit=${LATEST}`, undefined, once),
    call("GET", `${path}/scans?contested=true&limit=${CONTESTED}`, undefined, once),
  ]);
  shown = now;
  $("latest").replaceChildren(...latest.scans.map(line));
  $("latest-none").hidden = latest.scans.length > 0;
  $("contested").replaceChildren(...contested.scans.map(line));
  $("contested-part").hidden = !contested.scans.length;
}
