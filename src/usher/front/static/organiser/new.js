// A new event: the time zone this browser lives in is a good first guess.

import { sendOnce, sources } from "./form.js";

sendOnce();
sources();
const zone = document.getElementById("f-timezone");
if (zone && !zone.value) {
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if ([...document.querySelectorAll("#timezones option")].some((each) => each.value === here)) {
    zone.value = here;
  }
}
