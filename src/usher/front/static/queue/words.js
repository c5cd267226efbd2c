// The figures of a place in words, as templates/queue_parts.html says them.

import { gettext, ngettext, number } from "../lib/words.js";

/** The word for a place: its state, or "drawing", or why there is no way in. */
export function shownAs(view) {
  if (view.state === "closed") return view.reason === "sold_out" ? "sold_out" : "closed";
  return view.drawing ? "drawing" : view.state;
}

export function aheadLabel(ahead) {
  if (ahead === 0) return gettext("You are the next to be called");
  return ngettext("person is ahead of you", "people are ahead of you", ahead);
}

export function waitRange(wait, perMinute, paused) {
  if (paused) return gettext("paused");
  if (!wait) return gettext("not known yet");
  if (perMinute === 0) return gettext("standing still just now");
  const low = Math.floor(wait.p50 / 60);
  const high = Math.max(1, Math.ceil(wait.p90 / 60));
  if (high <= 1) return gettext("under a minute");
  if (low >= 120) {
    return gettext("%(low)s to %(high)s hours", {
      low: number(Math.floor(low / 60)),
      high: number(Math.ceil(high / 60)),
    });
  }
  if (low === 0) return gettext("up to %(high)s minutes", { high: number(high) });
  return gettext("%(low)s to %(high)s minutes", { low: number(low), high: number(high) });
}

export function speed(perMinute) {
  if (perMinute === undefined || perMinute === null) return gettext("not known yet");
  return gettext("%(count)s a minute", { count: number(perMinute) });
}

export function seatsLeft(left) {
  if (left === undefined || left === null) return gettext("not known yet");
  if (left === 0) return gettext("none free just now");
  return gettext("about %(count)s", { count: number(left) });
}

/** How a fan's own page is called in a row of tabs. */
export function tabTitle(shown, view) {
  if (shown === "called") return gettext("It is your turn");
  if (shown !== "waiting") return gettext("Waiting room");
  return ngettext("%(num)s ahead", "%(num)s ahead", view.ahead);
}

// A screen reader says these; every step of a long line would be chatter.
const STEPS = [0, 1, 3, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000];
const step = (ahead) => STEPS.findIndex((most) => ahead <= most);

/** What is worth saying aloud when one place follows another; "" where nothing is. */
export function spoken(before, shown, view) {
  const paused = Boolean(view.paused);
  if (!before || before.shown !== shown) {
    switch (shown) {
      case "drawing":
        return gettext("The sale is open. Numbers are being drawn");
      case "waiting":
        return place(view);
      case "called":
        return gettext("It is your turn. Go in before the time is up.");
      case "lapsed":
        return gettext("You missed your call. Join again and you stand at the front of the line.");
      case "left":
        return gettext("You are not in the line any more");
      case "sold_out":
        return gettext("All seats are sold");
      case "closed":
        return gettext("The sale is over");
      default:
        return "";
    }
  }
  if (paused !== before.paused) {
    return paused ? gettext("The line is paused.") : gettext("The line goes on.");
  }
  if (shown === "waiting" && step(view.ahead) < step(before.ahead)) return place(view);
  return "";
}

function place(view) {
  if (view.ahead === 0) return gettext("You are the next to be called");
  return ngettext("%(num)s person is ahead of you.", "%(num)s people are ahead of you.", view.ahead);
}
