// What calls a fan back to the page: a sound and a notification, each only where it was chosen.

import { gettext } from "../lib/words.js";

const sound = document.getElementById("sound");
const notify = document.getElementById("notify");
const hint = document.getElementById("alarm-hint");
let audio = null;

function remember(name, on) {
  try {
    localStorage.setItem(name, on ? "1" : "");
  } catch {
    // No storage, no memory: the choice holds for this page.
  }
}
function remembered(name) {
  try {
    return localStorage.getItem(name) === "1";
  } catch {
    return false;
  }
}

/** Browsers let a page sound only after a press on it. */
async function wake() {
  audio ??= new AudioContext();
  if (audio.state !== "running") await audio.resume();
}

/** Three rising notes. */
function chime() {
  if (audio?.state !== "running") return;
  [523, 659, 784].forEach((pitch, at) => {
    const start = audio.currentTime + at * 0.18;
    const tone = audio.createOscillator();
    const loud = audio.createGain();
    tone.frequency.value = pitch;
    loud.gain.setValueAtTime(0.0001, start);
    loud.gain.exponentialRampToValueAtTime(0.3, start + 0.02);
    loud.gain.exponentialRampToValueAtTime(0.0001, start + 0.4);
    tone.connect(loud).connect(audio.destination);
    tone.start(start);
    tone.stop(start + 0.45);
  });
}

/** Makes the choices work, with what was chosen before. */
export function offer() {
  sound.checked = remembered("sound");
  if (sound.checked) addEventListener("pointerdown", () => wake().catch(() => {}), { once: true });
  sound.addEventListener("change", async () => {
    remember("sound", sound.checked);
    if (!sound.checked) return;
    await wake();
    chime();
    hint.textContent = gettext("It will sound like this.");
  });
  if (!("Notification" in window)) {
    document.getElementById("notify-row").hidden = true;
    return;
  }
  notify.checked = remembered("notify") && Notification.permission === "granted";
  notify.addEventListener("change", async () => {
    if (notify.checked && (await Notification.requestPermission()) !== "granted") {
      notify.checked = false;
      hint.textContent = gettext("Your browser does not allow notifications here.");
    } else if (notify.checked) {
      hint.textContent = gettext("You will be notified. Keep this page open.");
    }
    remember("notify", notify.checked);
  });
}

/** Calls the fan, in the ways that were chosen. `title` is the event's. */
export function ring(title) {
  if (sound.checked) chime();
  if (notify.checked && document.visibilityState !== "visible") {
    try {
      const note = new Notification(gettext("It is your turn"), { body: title, tag: "called" });
      note.onclick = () => {
        window.focus();
        note.close();
      };
    } catch {
      // Some phones have the word but not the thing; the title and the sound are left.
    }
  }
}
