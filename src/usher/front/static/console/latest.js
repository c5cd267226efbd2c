// The last bookings, as they come.

import { gettext, money, number } from "../lib/words.js";

const STATES = {
  awaiting_payment: [gettext("Awaiting payment"), "warn"],
  confirmed: [gettext("Confirmed"), "good"],
  expired: [gettext("Not paid in time"), ""],
  conflict: [gettext("Seats taken"), "bad"],
  cancelled: [gettext("Cancelled"), ""],
  refunded: [gettext("Refunded"), ""],
};

let shown = "";

/** Shows `bookings`, newest first; `at` writes a moment. */
export function showLatest(bookings, at) {
  const now = JSON.stringify(bookings);
  if (now === shown) return;
  shown = now;
  const table = document.getElementById("latest");
  table.hidden = !bookings.length;
  document.getElementById("latest-none").hidden = bookings.length > 0;
  table.querySelector("tbody").replaceChildren(
    ...bookings.map((each) => {
      const row = document.createElement("tr");
      const [word, kind] = STATES[each.state] ?? [each.state, ""];
      const tag = document.createElement("span");
      tag.className = `tag ${kind}`;
      tag.textContent = word;
      const cells = [at(Date.parse(each.created_at)), each.name, number(each.seats), money(each.total), tag];
      for (const [index, content] of cells.entries()) {
        const cell = row.insertCell();
        if (index === 2 || index === 3) cell.className = "number";
        cell.append(content);
      }
      return row;
    }),
  );
}
