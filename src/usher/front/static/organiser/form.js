// What every form of the organiser's desk does: once is enough, and only the chosen source is asked.

import { gettext } from "../lib/words.js";

/** A form that is on its way is not sent again; coming back by the Back button it may be. */
export function sendOnce(root = document) {
  for (const form of root.querySelectorAll("form[data-once]")) {
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) event.preventDefault();
      form.dataset.sent = "1";
    });
    addEventListener("pageshow", () => delete form.dataset.sent);
  }
}

/** Shows the fields of the chosen source of a plan, and refuses a file that is too large early. */
export function sources(root = document) {
  for (const set of root.querySelectorAll("[data-sources]")) {
    const show = () => {
      const chosen = set.querySelector("input[name=source]:checked")?.value;
      for (const part of set.querySelectorAll("[data-source]")) {
        part.hidden = part.dataset.source !== chosen;
      }
    };
    set.addEventListener("change", show);
    show();
    const file = set.querySelector("input[type=file]");
    file?.addEventListener("change", () => {
      const large = file.files[0]?.size > Number(set.dataset.bytes);
      file.setCustomValidity(large ? gettext("This file is too large for a plan.") : "");
      if (large) file.reportValidity();
    });
    file?.form.addEventListener("submit", (event) => {
      if (file.validationMessage && !file.closest("[hidden]")) {
        event.preventDefault();
        delete file.form.dataset.sent;
        file.reportValidity();
      }
    });
  }
}
