// What was found of a ticket: in words that are read from two metres away, a sound, a vibration.

import { gettext, language } from "../lib/words.js";

const OPEN = ["unsigned", "blind", "failed"]; // it is not said that the ticket is bad
const REMEMBERED = "usher-door-quiet";
const panel = document.getElementById("verdict");
const sound = document.getElementById("sound");
const templates = new Map(
  [...document.querySelectorAll("template[data-outcome]")].map((each) => [each.dataset.outcome, each]),
);
let audio = null;

/** The word for an outcome. */
export const wordFor = (outcome) =>
  templates.get(outcome)?.content.querySelector('[data-slot="word"]').textContent ?? outcome;

/** A seat in words, as booking_parts.html has it. */
export function seatWords(ticket) {
  if (ticket.label !== undefined) return ticket.label;
  const parts = [ticket.zone];
  if (ticket.row) parts.push(gettext("row %(row)s", { row: ticket.row }));
  if (ticket.number) parts.push(gettext("seat %(number)s", { number: ticket.number }));
  return parts.filter(Boolean).join(" · ");
}

function clockOf(timeZone) {
  const options = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
  try {
    return new Intl.DateTimeFormat(language, { ...options, timeZone });
  } catch {
    return new Intl.DateTimeFormat(language, { ...options, timeZone: "UTC" });
  }
}
const time = clockOf(document.getElementById("door").dataset.timezone);
/** A moment (ms, or ISO 8601), to the second, where the event takes place. */
export const at = (moment) => time.format(new Date(moment));

function usedWords({ used_at, used_where }) {
  const told = { time: at(used_at), entrance: used_where };
  return used_where
    ? gettext("First used at %(time)s, %(entrance)s", told)
    : gettext("First used at %(time)s", told);
}

function tone(pitch, start, length) {
  const voice = audio.createOscillator();
  const loud = audio.createGain();
  const begin = audio.currentTime + start;
  voice.frequency.value = pitch;
  loud.gain.setValueAtTime(0.0001, begin);
  loud.gain.exponentialRampToValueAtTime(0.4, begin + 0.01);
  loud.gain.exponentialRampToValueAtTime(0.0001, begin + length);
  voice.connect(loud).connect(audio.destination);
  voice.start(begin);
  voice.stop(begin + length);
}

function signal(good) {
  if (!sound.checked) return;
  navigator.vibrate?.(good ? 80 : [120, 80, 120, 80, 240]);
  if (audio?.state !== "running") return;
  if (good) tone(1047, 0, 0.18);
  else for (const start of [0, 0.22, 0.44]) tone(196, start, 0.2);
}

/** Lets the page sound, once it was touched: browsers allow it no earlier. */
export function listenForTouch() {
  document.getElementById("sound-row").hidden = false;
  try {
    sound.checked = localStorage.getItem(REMEMBERED) !== "1";
  } catch {
    // no storage, no memory
  }
  sound.addEventListener("change", () => {
    try {
      localStorage.setItem(REMEMBERED, sound.checked ? "" : "1");
    } catch {
      // as above
    }
  });
  const wake = () => {
    audio ??= new AudioContext();
    if (audio.state === "suspended") audio.resume().catch(() => {});
  };
  for (const name of ["pointerdown", "keydown"]) addEventListener(name, wake);
}

/** Shows what was found: {outcome, ticket, used_at, used_where, event, note}. */
export function showVerdict(found) {
  const good = found.outcome === "admitted";
  const copy = templates.get(found.outcome)?.content.cloneNode(true) ?? templates.get("failed").content.cloneNode(true);
  const fill = (slot, text) => {
    const element = copy.querySelector(`[data-slot="${slot}"]`);
    if (element && text) [element.textContent, element.hidden] = [text, false];
  };
  fill("holder", found.ticket?.holder);
  if (found.ticket) fill("seat", [seatWords(found.ticket), found.ticket.category].filter(Boolean).join(" · "));
  fill("event", found.event?.title);
  if (!good && found.used_at) fill("used", usedWords(found));
  if (found.note) {
    const note = document.createElement("p");
    note.className = "verdict-note";
    note.textContent = found.note;
    copy.append(note);
  }
  panel.replaceChildren(copy);
  panel.className = `verdict ${good ? "good" : OPEN.includes(found.outcome) ? "warn" : "bad"}`;
  panel.scrollIntoView({ block: "nearest" });
  signal(good);
}

/** While it is being found out. */
export function showChecking() {
  const word = document.createElement("p");
  word.className = "verdict-none";
  word.textContent = gettext("Checking…");
  panel.replaceChildren(word);
  panel.className = "verdict";
}
