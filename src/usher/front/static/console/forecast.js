// What if: the arithmetic of insight/forecast.py, for a control that is being moved. A test holds
// the two to one table of cases.

/**
 * What comes of `rate` calls a minute with `capacity` fans shopping at once: seconds until the last
 * of `waiting` is called (`line`), seconds until none of `free` seats is left (`seats`, null where
 * the line is served before), seats left then (`left`), fans for whom none is left (`vain`).
 */
export function forecast({ waiting, free, rate, capacity, stay, perFan }) {
  const perMin = Math.min(rate, (capacity * 60) / Math.max(1, stay));
  const each = Math.max(0.01, perFan);
  const served = free / each;
  const line = Math.ceil((waiting * 60) / perMin);
  if (waiting > served) {
    const seats = Math.ceil((served * 60) / perMin);
    return { line, seats, left: 0, vain: waiting - Math.floor(served), perMin };
  }
  return { line, seats: null, left: Math.floor(free - waiting * each), vain: 0, perMin };
}
