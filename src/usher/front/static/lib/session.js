// Staying logged in on a page that is open for long. The access token lasts 15 minutes; shortly
// before they are over a visible tab exchanges the refresh token, which only the browser sees, for
// new ones. One tab at a time: what one has fetched is good for all, they share the cookies.
//
// Pages whose reader is logged in load this by themselves; the page says in <html data-access>
// for how many seconds the access token is good, by the server's clock.

const LOCK = "usher-refresh";
const UNTIL = "usher-access-until";
const EARLY_MS = 90_000;
const AGAIN_MS = 10_000;
const root = document.documentElement;

let until = Date.now() + Number(root.dataset.access ?? 0) * 1000;
let timer = 0;

/** Whether the page was made for somebody who is logged in, and still is. */
export const loggedIn = () => root.dataset.access !== undefined;

// What another tab has fetched. A browser that keeps nothing asks once per tab, which does no harm.
function shared() {
  try {
    return Number(localStorage.getItem(UNTIL)) || 0;
  } catch {
    return 0;
  }
}

function share(moment) {
  until = moment;
  try {
    localStorage.setItem(UNTIL, String(moment));
  } catch {
    // private windows may refuse
  }
}

const alone = (work) => (navigator.locks ? navigator.locks.request(LOCK, work) : work());

async function exchange() {
  const answer = await fetch("/api/v1/auth/refresh", {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json" },
    body: "{}",
    cache: "no-store",
  });
  if (answer.status === 401) {
    // Logged out elsewhere, or for too long: the page stays, the next one asks to log in.
    delete root.dataset.access;
    root.dispatchEvent(new CustomEvent("loggedout", { bubbles: true }));
    return false;
  }
  if (!answer.ok) throw new Error(`refresh: ${answer.status}`);
  share(Date.now() + (await answer.json()).expires_in_s * 1000);
  return true;
}

/**
 * New tokens, unless another tab has got some since `seen` (a moment as of Date.now(): the end of
 * the ones this tab knew). False where the login is over; throws where the server is away.
 */
export function refresh(seen = until) {
  return alone(async () => {
    const known = shared();
    if (known > seen && known > Date.now() + EARLY_MS) {
      until = known;
      return true;
    }
    return exchange();
  });
}

async function keep() {
  clearTimeout(timer);
  if (!loggedIn()) return;
  let wait = until - EARLY_MS - Date.now();
  if (wait <= 0) {
    if (document.visibilityState !== "visible") return; // asked again when it is looked at
    try {
      if (!(await refresh())) return;
      wait = until - EARLY_MS - Date.now();
    } catch {
      wait = AGAIN_MS;
    }
  }
  // Timers of a machine that sleeps stand still: look again every minute at least. Spread, so that
  // tabs which were opened together do not all wake at once.
  timer = setTimeout(keep, Math.min(Math.max(wait, 1000), 60_000) * (0.9 + Math.random() * 0.1));
}

if (loggedIn()) {
  if (until > shared()) share(until);
  document.addEventListener("visibilitychange", keep);
  addEventListener("online", keep);
  keep();
}
