// The door: a scan is asked of the server, and decided on here where the server cannot be reached.

import { call, newKey } from "../lib/http.js";
import { gettext, ngettext } from "../lib/words.js";
import { Camera, canRead } from "./camera.js";
import { lookInside, showEntered } from "./counts.js";
import { TicketList } from "./list.js";
import { keepPage } from "./offline.js";
import { Queue } from "./queue.js";
import { lasting } from "./store.js";
import { at, listenForTouch, showChecking, showVerdict } from "./verdict.js";

const PATIENCE_MS = 4000; // so long a fan may be kept waiting before the device decides alone
const EVERY_MS = 2000;
const CALM_MS = 15000;
const SAME_MS = 4000; // a code that stays before the camera is one scan
const CODE_MAX = 512;
const ENTRANCE = "usher-door-entrance";
const $ = (id) => document.getElementById(id);
const { event } = $("door").dataset;
const [form, code, entrance] = [$("scan"), $("f-code"), $("f-entrance")];
const list = new TicketList(event);
const queue = new Queue(event);
let away = !navigator.onLine;
let loggedOut = false;
let asked = ""; // a number that somebody may vouch for

// --- one scan

/** What the server says: an outcome with what belongs to it; throws where it says nothing. */
async function ask(scan) {
  const { refused, at: _, ...body } = scan;
  try {
    const path = `/api/v1/events/${event}/checkins`;
    return await call("POST", path, body, { tries: 1, patience: PATIENCE_MS });
  } catch (problem) {
    const { status, body: told } = problem;
    if (told === undefined || [0, 401, 403, 429].includes(status) || status >= 500) throw problem;
    return { ...told, outcome: problem.code };
  }
}

/** What this device finds, written down before anybody goes in. */
async function decide(scan) {
  const found = await list.judge(scan.code, scan.typed);
  if (found.outcome === "blind") return found;
  const refused = found.outcome === "admitted" ? {} : { refused: found.outcome === "unlisted" ? "unknown_ticket" : found.outcome };
  await queue.keep({ ...scan, ...refused });
  showLink();
  if (found.outcome === "admitted") showEntered($("inside").value + 1);
  if (found.outcome === "admitted" && !found.sure) {
    found.note = gettext("Found on the list; this browser cannot verify the signature.");
  }
  return found;
}

async function check(text, typed) {
  const scan = {
    code: text.slice(0, CODE_MAX),
    nonce: newKey(),
    entrance: entrance.value.trim().slice(0, entrance.maxLength),
    at: new Date().toISOString(),
    typed,
  };
  showChecking();
  $("vouch").hidden = true;
  let found = null;
  if (!away && !loggedOut) {
    try {
      found = await ask(scan);
      reached(null);
    } catch (problem) {
      if (problem.status === undefined) throw problem;
      reached(problem);
    }
  }
  if (found?.entered !== undefined) showEntered(found.entered);
  found ??= await decide(scan);
  if (found.outcome === "admitted") await list.use(found.ticket.ticket_id, Date.now(), scan.entrance);
  showVerdict(found);
  asked = found.outcome === "unsigned" ? scan.code : "";
  $("vouch").hidden = !asked;
}

let turn = Promise.resolve();
/** One after the other, in the order they were shown; one that fails keeps no other back. */
function scan(text, typed = false) {
  turn = turn
    .then(() => check(text, typed))
    .catch((fault) => {
      showVerdict({ outcome: "failed" });
      reportError(fault);
    });
}

// --- the connection

function say(id, text) {
  const note = $(id);
  if (note.textContent !== text) note.textContent = text;
  note.hidden = !text;
}

function showLink() {
  const tag = $("link");
  tag.hidden = false;
  tag.className = away ? "tag warn" : "tag good";
  tag.textContent = away ? gettext("Offline") : gettext("Live");
  const kept = queue.waiting
    ? ngettext("%(num)s scan is kept here until it can be handed in.", "%(num)s scans are kept here until they can be handed in.", queue.waiting)
    : "";
  let told = "";
  if (away && list.at) {
    told = gettext("No network. Tickets are checked with the list of %(time)s; who was let in elsewhere since is not known here.", { time: at(list.at) });
  } else if (away) told = gettext("No network, and no list of tickets on this device yet: nothing can be checked.");
  const lost = queue.lost
    ? ngettext("%(num)s scan could not be handed in.", "%(num)s scans could not be handed in.", queue.lost)
    : "";
  say("away", [told, kept, lost].filter(Boolean).join(" "));
}

/** The server has answered (`null`), or has not. */
function reached(problem) {
  const was = away;
  away = problem !== null && ![401, 403].includes(problem.status);
  loggedOut = problem?.status === 401;
  if (loggedOut) {
    const link = document.createElement("a");
    link.href = `/login?next=${encodeURIComponent(location.pathname)}`;
    link.textContent = gettext("Log in again");
    $("fault").replaceChildren(gettext("Your login has run out. Scans are kept on this device until you log in again."), " ", link);
    $("fault").hidden = false;
  } else say("fault", problem?.status === 403 ? gettext("Your account may not do this.") : "");
  showLink();
  if (was && !away) setTimeout(live, 0);
}

async function handIn() {
  if (!queue.waiting) return;
  await queue.handIn(); // who should not have come in is among those to look into, from now on
  await list.refresh();
}

let timer = 0;
let listedAt = 0;
async function look() {
  await handIn();
  await lookInside(event);
  if (Date.now() - listedAt > list.pace) {
    await list.refresh();
    listedAt = Date.now();
    $("door").dataset.listed = "yes";
  }
}

async function live() {
  clearTimeout(timer);
  try {
    await look();
    reached(null);
  } catch (problem) {
    if (problem.status === undefined) throw problem;
    reached(problem);
  } finally {
    clearTimeout(timer);
    timer = setTimeout(live, document.visibilityState === "visible" ? EVERY_MS : CALM_MS);
  }
}

// --- what is shown to it

form.addEventListener("submit", (submitted) => {
  submitted.preventDefault();
  const text = code.value.trim();
  code.value = "";
  if (text) scan(text);
});
$("vouch").addEventListener("click", (pressed) => {
  pressed.preventDefault();
  if (asked) scan(asked, true);
});
// Scanners type wherever they are.
addEventListener("keydown", (key) => {
  const elsewhere = key.target.closest?.("input, textarea, select, button, a, summary");
  if (!elsewhere && key.key.length === 1 && !key.ctrlKey && !key.metaKey && !key.altKey) code.focus();
});

function rememberEntrance() {
  try {
    entrance.value ||= localStorage.getItem(ENTRANCE) ?? "";
    entrance.addEventListener("change", () => localStorage.setItem(ENTRANCE, entrance.value.trim()));
  } catch {
    // no storage, no memory
  }
}

async function offerCamera() {
  const [button, hint] = [$("camera"), $("camera-hint")];
  if (!(await canRead())) {
    hint.hidden = false;
    hint.textContent = gettext("This browser cannot read codes with the camera. Use a scanner that types, or type the ticket's number.");
    return;
  }
  let seen = { text: "", at: 0 };
  const camera = new Camera($("view"), (text) => {
    const now = Date.now();
    const same = text === seen.text && now - seen.at < SAME_MS;
    seen = { text, at: now };
    if (!same) scan(text);
  });
  const show = () => {
    $("lens").hidden = !camera.running;
    button.textContent = camera.running ? gettext("Stop the camera") : gettext("Scan with the camera");
  };
  button.hidden = false;
  button.addEventListener("click", async () => {
    hint.hidden = true;
    try {
      if (camera.running) camera.stop();
      else {
        $("lens").hidden = false; // a video that is not shown does not play everywhere
        await camera.start();
      }
    } catch {
      camera.stop();
      hint.hidden = false;
      hint.textContent = gettext("The camera cannot be used. Allow it in the browser's settings, or type the ticket's number.");
    }
    show();
  });
}

addEventListener("online", () => live());
addEventListener("offline", () => reached({ status: 0 }));
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && live());

$("vouch").hidden = true;
rememberEntrance();
listenForTouch();
offerCamera();
if (matchMedia("(pointer: fine)").matches) code.focus();
await list.load();
await queue.count();
showLink();
if (!(await lasting())) say("fault", gettext("This browser keeps nothing (a private window?): scans made without network are lost when the page is closed."));
$("door").dataset.ready = "yes";
live();
keepPage();
