// The page on which seats are chosen: the map, the list and the picks, all live.

import { call, newKey } from "./lib/http.js";
import { listen } from "./lib/live.js";
import { countDown } from "./lib/timer.js";
import { gettext, money, ngettext } from "./lib/words.js";
import { Hall } from "./map/hall.js";
import { freeText } from "./map/labels.js";
import { SeatList } from "./map/list.js";
import { SeatMap } from "./map/map.js";
import { Picks } from "./map/picks.js";
import { FREE, States } from "./map/states.js";

const boot = JSON.parse(document.getElementById("boot").textContent);
const api = `/api/v1/events/${boot.event}`;
const $ = (id) => document.getElementById(id);
const TOAST_MS = 7000;

// --- time

countDown($("time"), Number($("time").dataset.seconds), {
  soon: (left) => {
    $("soon").hidden = false;
    $("soon").textContent = gettext("Less than two minutes left to choose.");
    if (left <= 0) $("soon").hidden = true;
  },
  // Not at once: the server rounds down, and whoever is still in would be asking without end.
  over: () => setTimeout(() => location.reload(), 1200 + Math.random() * 1500),
});
// Coming back with the browser's Back button: what was held meanwhile is told by the server.
addEventListener("pageshow", (event) => event.persisted && location.reload());

// --- a form is sent once

for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
    setTimeout(() => delete form.dataset.sent, 4000);
  });
}

// --- words to the reader

let toasting = 0;
function alertOf(text) {
  const line = document.createElement("p");
  line.textContent = text;
  if (!toasting) $("toast").replaceChildren();
  $("toast").append(line);
  while ($("toast").children.length > 3) $("toast").firstChild.remove();
  clearTimeout(toasting);
  toasting = setTimeout(() => {
    toasting = 0;
    $("toast").replaceChildren();
  }, TOAST_MS);
}
const say = (text) => ($("says").textContent = text);

// --- the hall

for (const id of ["map", "tools", "picks"]) $(id).hidden = false;
start().catch(() => {
  for (const id of ["map", "tools", "picks"]) $(id).remove();
  alertOf(gettext("The map could not be drawn. The best available seats can be had all the same."));
});

async function start() {
  const plan = await call("GET", `${api}/plan`, undefined, { cache: "default" });
  const arrived = performance.now();
  const hall = new Hall(plan);
  const states = new States(hall, boot.held);
  const price = (i) => ({ amount: boot.prices[hall.category[i]], currency: boot.currency });
  let map = null;
  let list = null;

  const repaint = (indices) => {
    map?.changed(indices);
    list?.changed(indices);
  };
  const picks = new Picks(
    hall,
    states,
    { most: boot.most, together: boot.together, own: boot.held.length },
    {
      changed: (indices) => {
        repaint(indices);
        showPicks();
      },
      say,
      alert: (text, i) => {
        alertOf(text);
        if (i !== undefined) map?.mark(i);
      },
    },
  );

  let ready;
  const known = new Promise((done) => (ready = done));
  const told = (changed) => {
    picks.check(changed);
    repaint(changed);
  };
  const snapshot = ({ states: letters }) => {
    told(states.snapshot(letters));
    ready();
  };
  const ask = async () => {
    snapshot(await call("GET", `${api}/seats`, undefined, { tries: 1 }));
    return 3;
  };
  listen(
    `${api}/feed`,
    {
      snapshot,
      change: ({ seats }) => {
        const changed = states.change(seats);
        lapsed(changed);
        told(changed);
      },
      notice: ({ text }) => {
        $("notice").textContent = text;
        $("notice").hidden = !text;
      },
    },
    { poll: ask, state: (state) => ($("away").hidden = state !== "away") },
  );
  await known;

  map = new SeatMap($("canvas"), hall, states, {
    pick: (i) => picks.toggle(i),
    section: (z) => say(`${plan.zones[z].name}, ${freeText(states.freeInZone[z])}`),
    colours: (list) => {
      document.querySelectorAll("#prices circle").forEach((each, c) => each.setAttribute("fill", list[c]));
    },
    area: (a) => list.open(plan.areas[a].zone, true),
    hover: (found, x, y) => tip(found, x, y),
  });
  map.frame();
  $("map-wait").hidden = true;
  $("map-says").textContent = ngettext("%(num)s seat in all.", "%(num)s seats in all.", hall.count);
  performance.measure("usher: first drawing", { start: arrived });
  $("map").dataset.drawn = "yes";
  $("zoom-in").addEventListener("click", () => map.zoom(1.5));
  $("zoom-out").addEventListener("click", () => map.zoom(1 / 1.5));
  $("fit").addEventListener("click", () => map.fit());
  list = new SeatList($("list"), hall, states, picks, price, {
    toggle: (i) => picks.toggle(i),
    show: (i) => map.show(i),
    more: (a) => picks.more(a),
    fewer: (a) => picks.fewer(a),
  });
  list.recount();
  const asked = new URLSearchParams(location.search).get("section");
  if (plan.zones.length === 1) list.open(0);
  else if (asked) list.open(Number(asked) || 0);
  showPicks();
  $("hold").addEventListener("click", hold);

  // A hold of the reader's own has lapsed, or was given back in another tab.
  function lapsed(changed) {
    const gone = changed.filter((i) => states.own[i] && states.state[i] === FREE);
    if (!gone.length) return;
    for (const i of gone) states.own[i] = 0;
    picks.own -= gone.length;
    for (const note of document.querySelectorAll(".own-hold")) {
      if (note.dataset.seats.split(" ").some((i) => gone.includes(Number(i)))) note.remove();
    }
    alertOf(gettext("The seats you held are on sale again."));
  }

  function tip({ seat, zone, area }, x, y) {
    const box = $("tip");
    box.hidden = seat < 0 && zone < 0 && area < 0;
    if (box.hidden) return;
    let lines;
    if (seat >= 0) {
      const notes = [hall.plan.categories[hall.category[seat]].name, money(price(seat))];
      if (hall.accessible[seat]) notes.push(gettext("accessible"));
      const look = [
        gettext("free: press to pick"),
        gettext("held by somebody else"),
        gettext("sold"),
        gettext("not for sale"),
        gettext("your pick: press to give up"),
        gettext("held for you"),
      ][states.look(seat)];
      lines = [picks.name(seat), notes.join(" · "), look];
    } else if (area >= 0) {
      const { name, zone: home } = plan.areas[area];
      lines = [name || plan.zones[home].name, freeText(states.freeInArea[area])];
    } else lines = [plan.zones[zone].name, freeText(states.freeInZone[zone])];
    box.replaceChildren(
      ...lines.map((text) => Object.assign(document.createElement("span"), { textContent: text })),
    );
    const wide = $("map").clientWidth;
    box.style.left = `${Math.max(4, Math.min(x + 14, wide - box.offsetWidth - 4))}px`;
    box.style.top = `${y > box.offsetHeight + 20 ? y - box.offsetHeight - 12 : y + 22}px`;
  }

  function showPicks() {
    const mine = picks.list;
    $("picks-none").hidden = mine.length > 0;
    $("picks-list").replaceChildren(
      ...mine.map((i) => {
        const item = document.createElement("li");
        const name = document.createElement("span");
        name.textContent = `${picks.name(i)} · ${money(price(i))}`;
        const drop = Object.assign(document.createElement("button"), { type: "button", className: "plain drop", textContent: "\u00d7" });
        drop.setAttribute("aria-label", gettext("Give up %(seat)s", { seat: picks.name(i) }));
        drop.addEventListener("click", () => {
          picks.drop(i);
          $("hold").focus();
        });
        item.append(name, drop);
        return item;
      }),
    );
    const amount = mine.reduce((sum, i) => sum + price(i).amount, 0);
    $("picks-total").textContent = mine.length ? money({ amount, currency: boot.currency }) : "";
    const button = $("hold");
    if (!picks.locked) {
      button.disabled = !mine.length;
      button.textContent = mine.length
        ? ngettext("Hold %(num)s seat", "Hold %(num)s seats", mine.length)
        : gettext("Hold seats");
    }
    $("picks").classList.toggle("some", mine.length > 0);
  }

  let wish = { seats: "", key: "" };
  async function hold() {
    if (picks.locked || !picks.list.length) return;
    picks.locked = true;
    const button = $("hold");
    button.disabled = true;
    button.textContent = gettext("Holding…");
    let again = 3;
    let certain = true;
    let leaving = false;
    try {
      while (picks.list.length) {
        const seats = picks.list.map((i) => hall.guid[i]);
        // The same seats again are the same wish: its answer may have been lost on the way.
        if (wish.seats !== seats.join()) wish = { seats: seats.join(), key: newKey() };
        try {
          const held = await call("POST", `${api}/holds`, { seats }, { key: wish.key });
          leaving = true; // the feed will tell that these seats are held: by us
          location.assign(`/events/${boot.event}/checkout/${held.hold_id}`);
          return;
        } catch (problem) {
          again -= 1;
          certain = problem.status !== 0 && problem.status !== 503;
          if (problem.code !== "seat_taken") return refused(problem);
          const taken = new Set(problem.body.taken);
          const lost = picks.list.filter((i) => taken.has(hall.guid[i]));
          states.change(lost.map((i) => [i, "h"]));
          // Places of an area have been exchanged for others: that is worth another try.
          if (!picks.lose(lost) || !again) return;
        }
      }
    } finally {
      picks.locked = leaving;
      if (certain && !leaving) picks.check(picks.list.slice());
      showPicks();
    }
  }

  function refused(problem) {
    if (problem.status === 401 || problem.status === 403) return location.reload();
    if (problem.code === "over_limit") {
      const { most } = problem.body;
      return alertOf(
        ngettext("Each fan may have %(num)s seat, with those held already.", "Each fan may have %(num)s seats, with those held already.", most),
      );
    }
    if (problem.code === "not_open") return alertOf(gettext("Nothing is sold just now. Try again in a moment."));
    if (problem.status === 0 || problem.status === 503) {
      return alertOf(gettext("The connection failed. Your picks are still here; press Hold again."));
    }
    return alertOf(problem.message || gettext("This did not work. Try again."));
  }

  $("canvas").seatMap = map; // so that its work can be measured
}
