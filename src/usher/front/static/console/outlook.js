// The what-if line in words, as sale_words.html has it.

import { gettext, language, number } from "../lib/words.js";
import { forecast } from "./forecast.js";

const SAME_DAY_S = 12 * 3600;
const hour = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const whole = { day: "numeric", month: "short", ...hour };

/** Writes moments of the event's place: `at(ms)`, with the day where `seconds` are many. */
export function moments(timeZone) {
  const formats = [hour, whole].map((options) => {
    try {
      return new Intl.DateTimeFormat(language, { ...options, timeZone });
    } catch {
      return new Intl.DateTimeFormat(language, { ...options, timeZone: "UTC" });
    }
  });
  return (ms, seconds = 0) => formats[seconds < SAME_DAY_S ? 0 : 1].format(new Date(ms));
}

/** Why the gate calls fewer than its rate, in words; "" where it does not. */
export function slowed(pulse) {
  const found = pulse.slowed;
  if (!found) return "";
  const rate = number(found.rate_per_min);
  if (found.why === "answers") {
    return gettext("Slowed to %(rate)s a minute by itself: answers take %(ms)s ms.", {
      rate,
      ms: number(found.answer_ms ?? 0),
    });
  }
  if (found.why === "ledger") {
    return gettext("Slowed to %(rate)s a minute by itself: %(count)s bookings are being written down.", {
      rate,
      count: number(found.ledger),
    });
  }
  return gettext("Slowed to %(rate)s a minute by itself: bookings wait %(seconds)s s to be written down.", {
    rate,
    seconds: number(Math.round(found.commit_lag_ms / 100) / 10),
  });
}

/** The line for `pulse` as if its rate and capacity were these. */
export function outlook(pulse, rate, capacity, at) {
  if (pulse.mode === "simple") {
    return gettext("There is no line: everyone who comes may shop at once.");
  }
  if (["closed", "sold_out"].includes(pulse.state)) return gettext("Nobody gets in any more.");
  let before = "";
  if (pulse.state === "paused" || pulse.gate_state === "paused") {
    before = gettext("Nobody gets in while it is paused; resumed now:");
  } else if (["draft", "lobby"].includes(pulse.state)) before = gettext("If the sale opened now:");
  return `${before} ${sentence(pulse, rate, capacity, at)}`.trim();
}

function sentence(pulse, rate, capacity, at) {
  if (!pulse.waiting) return gettext("Nobody is waiting.");
  const found = forecast({
    waiting: pulse.waiting,
    free: pulse.free,
    rate,
    capacity,
    stay: pulse.pace.stay_s,
    perFan: pulse.pace.seats_per_fan,
  });
  const now = Date.parse(pulse.at);
  const when = (seconds) => at(now + seconds * 1000, seconds);
  const told =
    found.seats === null
      ? gettext(
          "At this rate the last in line gets in at %(line)s; about %(left)s seats are still free then.",
          { line: when(found.line), left: number(found.left) },
        )
      : gettext(
          "At this rate the last in line gets in at %(line)s; seats will last until %(seats)s, about %(vain)s fans too soon.",
          { line: when(found.line), seats: when(found.seats), vain: number(found.vain) },
        );
  if (found.perMin >= rate * 0.95) return told;
  const slow = gettext("The capacity lets in only about %(num)s a minute.", {
    num: number(Math.round(found.perMin)),
  });
  return `${told} ${slow}`;
}
