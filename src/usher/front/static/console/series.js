// What charts show, from what a pulse holds. Points are [ms, value], oldest first.

const LINE_MS = 600000;
const HOUR = 60;
const WINDOW_MS = 60000;
// A trail's sample: [at_ms, waiting, shopping, held, claimed, sold, called, admitted].
const [AT, WAITING, SHOPPING, HELD, CLAIMED, SOLD, CALLED, ADMITTED] = [0, 1, 2, 3, 4, 5, 6, 7];

/** What has been seen of a line: the trails of pulses, joined, and the newest figures. */
export class Trail {
  constructor() {
    this.samples = [];
  }

  /** The moment after which the next pulse should tell its trail. */
  get after() {
    return this.samples.at(-1)?.[AT] ?? 0;
  }

  take(pulse) {
    for (const sample of pulse.trail) if (sample[AT] > this.after) this.samples.push(sample);
    const now = Date.parse(pulse.at);
    while (this.samples.length && this.samples[0][AT] < now - LINE_MS) this.samples.shift();
    this.now = [];
    this.now[AT] = now;
    this.now[WAITING] = pulse.waiting;
    this.now[SHOPPING] = pulse.shopping;
    this.now[HELD] = pulse.held;
    this.now[CLAIMED] = pulse.claimed;
    this.now[SOLD] = pulse.sold;
    this.now[CALLED] = pulse.called;
    this.now[ADMITTED] = pulse.admitted;
  }

  all() {
    return this.now && this.now[AT] > this.after ? [...this.samples, this.now] : this.samples;
  }
}

const plain = (at) => (samples) => samples.map((sample) => [sample[AT], sample[at]]);
export const waiting = plain(WAITING);
export const shopping = plain(SHOPPING);
export const held = plain(HELD);

/** Fans admitted a minute, over the minute before each sample. */
export function admitted(samples) {
  const points = [];
  let from = 0;
  for (const [index, sample] of samples.entries()) {
    while (from < index - 1 && samples[from + 1][AT] <= sample[AT] - WINDOW_MS) from += 1;
    const span = sample[AT] - samples[from][AT];
    const came = sample[ADMITTED] - samples[from][ADMITTED];
    if (span >= 3000) points.push([sample[AT], Math.round((Math.max(0, came) * 60000) / span)]);
  }
  return points;
}

/** The last hour, a point a minute, nought where nothing was booked; `of` names the figure. */
export function perMinute(pulse, of) {
  const known = new Map(pulse.minutes.map((each) => [Date.parse(each.at), each[of]]));
  const last = Math.floor(Date.parse(pulse.at) / 60000) * 60000;
  return Array.from({ length: HOUR }, (_, index) => {
    const at = last - (HOUR - 1 - index) * 60000;
    return [at, known.get(at) ?? 0];
  });
}

/** Bookings per fan admitted in hundredths, at each sample: what was booked by then. */
export function conversion(samples, pulse) {
  const minutes = pulse.minutes.map((each) => [Date.parse(each.at), each.bookings]);
  return samples
    .filter((sample) => sample[ADMITTED] > 0)
    .map((sample) => {
      let booked = pulse.bookings;
      for (const [at, count] of minutes) if (at > sample[AT] - 60000) booked -= after(at, sample[AT]) * count;
      // Minutes are not moments: what was booked by a sample within one is an estimate.
      const share = Math.round((booked * 1000) / sample[ADMITTED]) / 10;
      return [sample[AT], Math.min(100, Math.max(0, share))];
    });
}

/** The share of the minute at `at` that comes after `ms`. */
const after = (at, ms) => Math.min(1, Math.max(0, (at + 60000 - ms) / 60000));
