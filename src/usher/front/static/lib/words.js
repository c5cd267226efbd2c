// The page's words: what the server found in this script, in the reader's language.
// gettext("..") and ngettext("one", "many", n) are also what the catalogue is collected from.

import { digitsOf } from "./currency.js";

const island = document.getElementById("words");
const known = island ? JSON.parse(island.textContent) : {};
export const language = document.documentElement.lang || "en";
const plural = new Intl.PluralRules(language);
const forms = ["zero", "one", "two", "few", "many", "other"].filter((name) =>
  plural.resolvedOptions().pluralCategories.includes(name),
);

/** Puts `values` where the text says %(name)s. */
function fill(text, values) {
  return text.replace(/%\((\w+)\)[sd]/g, (whole, name) => (name in values ? values[name] : whole));
}

/** A message in the reader's language. */
export function gettext(message, values = {}) {
  return fill(known[message] ?? message, values);
}

/** A message about `count` things; %(num)s is the count as the reader writes it. */
export function ngettext(one, many, count, values = {}) {
  const list = known[one] ?? [one, many];
  const at = list.length === forms.length ? forms.indexOf(plural.select(count)) : count === 1 ? 0 : 1;
  return fill(list[Math.min(at, list.length - 1)], { num: number(count), ...values });
}

const numbers = new Intl.NumberFormat(language);
/** A number as the reader writes it. */
export const number = (value) => numbers.format(value);

const monies = new Map();
/** Minor units of a currency, as the reader writes them. */
export function money({ amount, currency }) {
  const digits = digitsOf(currency);
  let format = monies.get(currency);
  if (!format) {
    const both = { minimumFractionDigits: digits, maximumFractionDigits: digits };
    format = new Intl.NumberFormat(language, { style: "currency", currency, ...both });
    monies.set(currency, format);
  }
  return format.format(amount / 10 ** digits);
}

/** Seconds as 4:05 or 1:04:05. */
export function clock(seconds) {
  const s = Math.max(0, Math.ceil(seconds));
  const two = (n) => String(n).padStart(2, "0");
  const hours = Math.floor(s / 3600);
  const minutes = Math.floor((s % 3600) / 60);
  return hours ? `${hours}:${two(minutes)}:${two(s % 60)}` : `${minutes}:${two(s % 60)}`;
}
