// Shows a place on the page: which state, and its figures.

import { countDown } from "../lib/timer.js";
import { language, gettext, ngettext, number } from "../lib/words.js";
import { aheadLabel, seatsLeft, shownAs, speed, spoken, tabTitle, waitRange } from "./words.js";

const room = document.getElementById("room");
const say = document.getElementById("say");
const figures = new Map();
for (const each of room.querySelectorAll("[data-fig]")) figures.set(each.dataset.fig, each);
const at = (id) => document.getElementById(id);

const WAITS = ["lobby", "drawing", "waiting", "called"];
let last = null;
let noticeHeard = -Infinity;

function put(name, text) {
  const element = figures.get(name);
  if (element && element.textContent !== text) element.textContent = text;
}

/** Says something to who listens rather than looks. */
export function announce(text) {
  if (text) say.textContent = text;
}

/** The notice of the organiser; "" takes it down. */
export function showNotice(text, { live = false } = {}) {
  // A place that was looked up just before the notice was given does not know it yet.
  if (live) noticeHeard = performance.now();
  else if (performance.now() - noticeHeard < 5000) return;
  const known = figures.get("notice").textContent;
  at("notice").hidden = !text;
  put("notice", text);
  if (text && text !== known) announce(gettext("The organiser says: %(text)s", { text }));
}

// One countdown per place on the page, begun again only where the server's figure has moved.
const timers = new Map();
/** Counts `id` down from `seconds`, and calls `over` once. */
export function count(id, seconds, over = () => {}, warn = 0) {
  const running = timers.get(id);
  const ends = performance.now() + seconds * 1000;
  if (running && Math.abs(running.ends - ends) < 2500) return;
  running?.stop();
  const stop = countDown(at(id), seconds, { warn, over });
  timers.set(id, { ends, stop });
}
function stopCounting(...ids) {
  for (const id of ids) {
    timers.get(id)?.stop();
    timers.delete(id);
  }
}

function opening(view) {
  const known = view.opens_at !== undefined;
  at("opening").hidden = !known;
  at("no-opening").hidden = known;
  at("draw-at").hidden = !known;
  if (!known) return stopCounting("opens-in");
  const moment = new Date(view.opens_at);
  // The zone is the event's, as on every page of it; one that the browser has no notion of is UTC.
  const locale = navigator.languages.find((each) => each.startsWith(language)) ?? language;
  const write = (form) => {
    try {
      return new Intl.DateTimeFormat(locale, { ...form, timeZone: room.dataset.zone }).format(moment);
    } catch {
      return new Intl.DateTimeFormat(locale, { ...form, timeZone: "UTC" }).format(moment);
    }
  };
  const time = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  const day = { weekday: "long", day: "numeric", month: "long", year: "numeric" };
  if (at("opens-at").dataset.at !== view.opens_at) {
    at("opens-at").dataset.at = view.opens_at;
    at("opens-at").textContent = write({ ...day, ...time });
    put("draw-time", write(time));
  }
  return count("opens-in", view.opens_in_s);
}

/** How many were ahead when the wait began: kept beside the number it is true of, so that a
    reload goes on where the bar was. */
function since(view) {
  const known = last?.number === view.number ? Number(room.dataset.since) : 0;
  if (known >= view.ahead && known > 0) return known;
  const first = last === null ? Math.max(Number(room.dataset.since), view.ahead) : view.ahead;
  room.dataset.since = String(first);
  document.cookie = `since-${room.dataset.event}=${view.number}-${first}; path=${location.pathname}; max-age=1209600; samesite=lax`;
  return first;
}

/** Shows `view`; `called` is told when the fan has just been called, `over` when a window ends. */
export function showPlace(view, { called = () => {}, over = () => {} } = {}) {
  const shown = shownAs(view);
  if (room.dataset.state !== shown || !last) {
    room.dataset.state = shown;
    for (const each of room.querySelectorAll("[data-when]")) each.hidden = each.dataset.when !== shown;
    at("leave").hidden = !WAITS.includes(shown);
    const patient = shown !== "called" && WAITS.includes(shown);
    at("calm").hidden = !patient;
    at("alarm").hidden = !patient;
  }
  const paused = Boolean(view.paused);
  at("paused").hidden = !paused || !WAITS.includes(shown);
  if (shown === "lobby") {
    opening(view);
    const here = view.waiting ?? 0;
    put("here", here ? ngettext("%(num)s fan is here.", "%(num)s fans are here.", here) : "");
  } else if (shown === "waiting") {
    put("ahead", number(view.ahead));
    put("ahead-label", aheadLabel(view.ahead));
    put("number", number(view.number + 1));
    put("wait", waitRange(view.wait_s, view.admitted_per_minute, paused));
    put("speed", speed(view.admitted_per_minute));
    put("left", seatsLeft(view.left));
    const first = since(view);
    at("walked").value = first > 0 ? Math.round((100 * (first - view.ahead)) / first) : 100;
  }
  if (shown === "called") count("call-left", view.expires_in_s, over, 15);
  else stopCounting("call-left");
  if (shown === "admitted") count("shop-left", view.expires_in_s, over, 120);
  else stopCounting("shop-left");
  if (shown === "lobby" || shown === "drawing" || shown === "waiting") showNotice(view.notice ?? "");

  document.title = `${tabTitle(shown, view)} · ${room.dataset.title}`;
  if (shown === "called" && last?.shown !== "called") called();
  const words = last ? spoken(last, shown, view) : "";
  announce(words);
  // Small steps add up to one that is worth a word: they are counted from the last word.
  const quiet = last?.shown === shown && !words;
  last = { shown, paused, number: view.number, ahead: quiet ? last.ahead : view.ahead };
  return shown;
}
