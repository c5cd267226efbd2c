// The controls: forms that post by themselves where there is no script, sent to the API where
// there is one. What is grave is asked again in a dialog.

import { call } from "../lib/http.js";
import { gettext, number } from "../lib/words.js";
import { Knob } from "./knob.js";

/** Wires the controls of `event`. `done` is told the answer to what was sent; `failed` shows a
    Problem; `moved` is told {rate, capacity} while a knob turns; `noticed` the notice that stands.
    Returns what follows the newest pulse. */
export function wire(event, { done, failed, moved, noticed }) {
  const path = `/api/v1/events/${event}`;
  const knobs = {};
  const said = document.getElementById("gate-said");
  const tell = () =>
    moved({ rate: knobs.rate_per_min.value || undefined, capacity: knobs.capacity.value || undefined });

  async function send(method, part, body) {
    failed(null);
    try {
      done(await call(method, `${path}/${part}`, body));
      return true;
    } catch (problem) {
      failed(problem);
      return false;
    }
  }

  for (const form of document.querySelectorAll("form[data-part]")) {
    form.addEventListener("submit", async (submit) => {
      const button = submit.submitter;
      submit.preventDefault();
      if (button.getAttribute("aria-pressed") === "true") return;
      if (button.dataset.ask && !(await sure(button))) return;
      await busy(button, () => send("PATCH", form.dataset.part, { [button.name]: button.value }));
    });
  }

  const gate = document.getElementById("gate");
  let sent = ""; // what the gate was last known or told to be
  let sending = false;
  let waiting = false;
  async function setGate() {
    const [rate, capacity] = [knobs.rate_per_min, knobs.capacity];
    for (const knob of [rate, capacity]) knob.input.setAttribute("aria-invalid", String(!knob.value));
    if (!rate.value || !capacity.value) {
      said.textContent = gettext("Whole numbers only: a rate of 1 to %(rate)s, a capacity of 1 to %(capacity)s.", {
        rate: number(rate.most),
        capacity: number(capacity.most),
      });
      return;
    }
    const wanted = { rate_per_min: rate.value, capacity: capacity.value };
    if (JSON.stringify(wanted) === sent) return;
    if (sending) {
      waiting = true; // one after the other: the last turn is the one that stands
      return;
    }
    sending = true;
    said.textContent = gettext("Setting...");
    const good = await send("PATCH", "gate", wanted);
    sending = false;
    if (good) sent = JSON.stringify(wanted);
    said.textContent = good
      ? gettext("Set: %(rate)s a minute, %(capacity)s shopping at once.", {
          rate: number(wanted.rate_per_min),
          capacity: number(wanted.capacity),
        })
      : "";
    if (waiting) {
      waiting = false;
      await setGate();
    }
  }
  for (const field of gate.querySelectorAll("[data-knob]")) {
    knobs[field.dataset.knob] = new Knob(field, tell, setGate);
  }
  document.getElementById("gate-send").hidden = true; // a knob is set where it comes to rest
  gate.addEventListener("submit", (submit) => {
    submit.preventDefault();
    setGate();
  });

  const notice = document.getElementById("notice");
  notice.addEventListener("submit", async (submit) => {
    submit.preventDefault();
    const down = submit.submitter?.name === "down";
    const text = notice.elements.notice.value.trim().replaceAll("\r\n", "\n");
    const told = document.getElementById("notice-said");
    if (!down && !text) {
      told.textContent = gettext("Write what to say first.");
      notice.elements.notice.focus();
      return;
    }
    if (await send("POST", "notice", { text: down ? "" : text })) {
      noticed(down ? null : text);
      if (!down) notice.elements.notice.value = "";
      told.textContent = down ? gettext("The notice is down.") : gettext("Everyone has been told.");
    }
  });

  return (pulse) => {
    for (const button of document.querySelectorAll("[data-from]")) {
      show(button, button.dataset.from.split(" ").includes(pulse.state));
    }
    for (const button of document.querySelectorAll("[data-gate]")) {
      show(button, button.dataset.gate === pulse.gate_state);
    }
    for (const button of document.querySelectorAll('[name="mode"]')) {
      button.setAttribute("aria-pressed", String(button.value === pulse.mode));
    }
    // Another organiser may turn the same knobs: what nobody here touches follows.
    const now = JSON.stringify({ rate_per_min: pulse.rate_per_min, capacity: pulse.capacity });
    if (!sending && !Object.values(knobs).some((knob) => knob.busy)) {
      if (now !== sent) {
        knobs.rate_per_min.show(pulse.rate_per_min);
        knobs.capacity.show(pulse.capacity);
      }
      sent = now;
    }
    return { rate: knobs.rate_per_min.value, capacity: knobs.capacity.value };
  };
}

/** Hides a button that no longer fits; who had just pressed it stays where they were. */
function show(button, fits) {
  const lost = !fits && document.activeElement === button;
  button.hidden = !fits;
  if (lost) button.parentElement.querySelector("button:not([hidden])")?.focus();
}

async function busy(button, work) {
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  try {
    await work();
  } finally {
    button.removeAttribute("aria-disabled");
  }
}

/** Whether the organiser, asked again, still wants it. */
function sure(button) {
  const dialog = document.getElementById("sure");
  document.getElementById("sure-text").textContent = button.dataset.ask;
  document.getElementById("sure-yes").textContent = button.dataset.yes;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((answer) => {
    dialog.addEventListener("close", () => answer(dialog.returnValue === "yes"), { once: true });
  });
}
