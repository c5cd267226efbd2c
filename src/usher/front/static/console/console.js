// The sale console: the pulse of a sale every two seconds, its charts, its hall, its controls.

import { call } from "../lib/http.js";
import { gettext, money, number } from "../lib/words.js";
import { Chart } from "./chart.js";
import { wire } from "./controls.js";
import { showHall } from "./hall.js";
import { showLatest } from "./latest.js";
import { moments, outlook, slowed } from "./outlook.js";
import * as series from "./series.js";

const EVERY_MS = 2000;
const CALM_MS = 15000;
const SETTLED_MS = 3000; // a pulse may be older than what was done here
const SETTINGS = ["mode", "state", "gate_state", "rate_per_min", "capacity", "version"];
const [TEN_MINUTES, HOUR] = [600000, 3600000];
const STATES = {
  draft: gettext("Not on sale yet"),
  lobby: gettext("Waiting room open"),
  open: gettext("On sale"),
  paused: gettext("Paused"),
  sold_out: gettext("Sold out"),
  closed: gettext("Sale over"),
};
const KINDS = { lobby: "live", open: "live", paused: "warn", sold_out: "bad" };

const page = document.getElementById("console");
const event = page.dataset.event;
const at = moments(page.dataset.timezone);
const trail = new series.Trail();
const percent = (value) => `${number(value)} %`;
let pulse = JSON.parse(document.getElementById("pulse").textContent);
let turned = {};
let settings = {}; // as the newest answer to a change has them
let noticedAt = 0;
const price = (amount) => money({ amount, currency: pulse.revenue.currency });

const charts = {};
for (const figure of document.querySelectorAll("[data-chart]")) {
  const name = figure.dataset.chart;
  const hourly = name === "bookings" || name === "revenue";
  const write = { revenue: price, conversion: percent }[name] ?? number;
  charts[name] = new Chart(figure, { bars: hourly, write, at, span: hourly ? HOUR : TEN_MINUTES });
}

const set = (id, text) => {
  const element = document.getElementById(id);
  if (element.textContent !== text) element.textContent = text;
};

function showNotice(text) {
  set("notice-text", text ?? "");
  document.getElementById("notice-up").hidden = !text;
  document.getElementById("notice-down").hidden = !text;
}

function showOutlook() {
  const rate = turned.rate || pulse.rate_per_min;
  set("outlook", outlook(pulse, rate, turned.capacity || pulse.capacity, at));
}

function show() {
  trail.take(pulse);
  turned = follow(pulse);
  const tag = document.getElementById("state");
  set("state", STATES[pulse.state] ?? pulse.state);
  tag.className = `tag ${KINDS[pulse.state] ?? ""}`;
  page.dataset.state = pulse.state;
  document.getElementById("gate-shut").hidden = pulse.gate_state === "open";
  set("n-waiting", number(pulse.waiting));
  set("n-shopping", number(pulse.shopping));
  set("n-capacity", gettext("of %(most)s", { most: number(pulse.capacity) }));
  set("n-sold", number(pulse.sold));
  set("n-revenue", money(pulse.revenue));
  set("n-free", number(pulse.free));
  set("n-held", number(pulse.held));
  set("n-claimed", number(pulse.claimed));
  set("n-seats-sold", number(pulse.sold));
  if (Date.now() - noticedAt > SETTLED_MS) showNotice(pulse.notice);
  document.getElementById("slowed").hidden = !pulse.slowed;
  set("slowed", slowed(pulse));
  showOutlook();
  showLatest(pulse.latest, at);
  draw();
}

function draw() {
  const [samples, now] = [trail.all(), Date.parse(pulse.at)];
  const speed = series.admitted(samples);
  const [booked, revenue] = ["bookings", "revenue"].map((of) => series.perMinute(pulse, of));
  const buying = series.conversion(samples, pulse);
  charts.waiting.draw(series.waiting(samples), now, number(pulse.waiting));
  charts.admitted.draw(speed, now, number(speed.at(-1)?.[1] ?? 0));
  charts.shopping.draw(series.shopping(samples), now, number(pulse.shopping));
  charts.held.draw(series.held(samples), now, number(pulse.held));
  charts.bookings.draw(booked, now, number(booked.at(-1)[1]));
  charts.revenue.draw(revenue, now, price(revenue.at(-1)[1]));
  const share = pulse.conversion === null ? "–" : percent(Math.round(pulse.conversion * 1000) / 10);
  charts.conversion.draw(buying, now, share);
}

function failed(problem) {
  const told = document.getElementById("fault");
  told.hidden = !problem;
  if (!problem) return;
  if (problem.status === 401) {
    const link = document.createElement("a");
    link.href = `/login?next=${encodeURIComponent(location.pathname)}`;
    link.textContent = gettext("Log in again");
    told.replaceChildren(gettext("Your login has run out; nothing was changed."), " ", link);
  } else if (problem.status === 0) {
    told.textContent = gettext("The server cannot be reached. What you see may be old.");
  } else if (problem.status === 403) {
    told.textContent = gettext("Your account may not do this.");
  } else {
    told.textContent = gettext("This could not be done: %(why)s", { why: problem.message });
  }
}

function lively(problem) {
  const tag = document.getElementById("live");
  tag.hidden = false;
  tag.className = problem ? "tag bad" : "tag good";
  set("live", problem ? gettext("Not live") : gettext("Live"));
}

let asking = null;
/** The newest pulse, shown; asked once however many want it. */
function look() {
  asking ??= (async () => {
    try {
      pulse = await call("GET", `/api/v1/events/${event}/pulse?after=${trail.after}`, undefined, { tries: 1 });
      if (pulse.version < settings.version) Object.assign(pulse, settings);
      show();
    } finally {
      asking = null;
    }
  })();
  return asking;
}

let broken = false;
async function live() {
  try {
    await look();
    if (broken) failed(null);
    broken = false;
    lively(null);
  } catch (problem) {
    if (problem.status === undefined) throw problem;
    if (!broken || problem.status === 401) failed(problem);
    broken = true;
    lively(problem);
  }
  setTimeout(live, document.visibilityState === "visible" ? EVERY_MS : CALM_MS);
}

const follow = wire(event, {
  done: (answer) => {
    if (answer.version === undefined) return;
    settings = Object.fromEntries(SETTINGS.map((name) => [name, answer[name]]));
    Object.assign(pulse, settings);
    show();
  },
  failed,
  moved: (now) => {
    turned = now;
    showOutlook();
  },
  noticed: (text) => {
    noticedAt = Date.now();
    showNotice(text);
  },
});
show();
setTimeout(live, EVERY_MS / 4);
if (page.dataset.published && pulse.built) {
  showHall(document.getElementById("hall"), event, showNotice).catch(failed);
}
