// Live news of the server: an EventSource that comes back, and asks by plain requests where no
// stream gets through. Sleep, a lost network and a restarted server all look the same to it.

const SILENT_MS = 40000; // the server beats every 15 s; EventSource itself never notices silence

/**
 * Listens to `url`. `on` maps names of events to functions of (data, id). `poll` is called where
 * streams do not get through; it returns the seconds until it should be called again.
 * `state` is told "live", "polling" or "away". `silence` (ms) is for streams that always speak: the
 * longest that one may say nothing before it is taken for dead. Returns a function that ends it.
 */
export function listen(url, on, { poll = null, state = () => {}, silence = 0 } = {}) {
  let source = null;
  let failures = 0;
  let timer = 0;
  let polling = 0;
  let heard = Date.now();
  let ended = false;
  let lost = false; // not even a question was answered

  function open() {
    clearTimeout(timer);
    if (ended) return;
    source?.close();
    source = new EventSource(url);
    heard = Date.now();
    source.onopen = () => {
      heard = Date.now();
      failures = 0;
      stopPolling();
      state("live");
    };
    source.onerror = () => {
      failures += 1;
      source.close();
      if (failures >= 2 && poll) startPolling();
      else state("away");
      // Spread: a whole hall comes back at once after a restart.
      timer = setTimeout(open, Math.min(30, 2 ** failures) * 500 * (1 + Math.random()));
    };
    source.addEventListener("reconnect", () => {
      source.close();
      timer = setTimeout(open, 200 + Math.random() * 1500);
    });
    for (const [name, tell] of Object.entries(on)) {
      source.addEventListener(name, (event) => {
        heard = Date.now();
        tell(JSON.parse(event.data), event.lastEventId);
      });
    }
  }

  async function ask() {
    if (ended || !poll) return;
    let wait = 5;
    try {
      wait = (await poll()) ?? 5;
      if (ended || !polling) return;
      state("polling");
      if (lost) {
        // The server is back: its streams will be, too, long before the next try was due.
        lost = false;
        clearTimeout(timer);
        timer = setTimeout(open, 500 + Math.random() * 2500);
      }
    } catch (problem) {
      if (ended || !polling) return;
      wait = problem.retryAfter || 5;
      lost = true;
      state("away");
    }
    if (polling) polling = setTimeout(ask, wait * 1000);
  }
  function startPolling() {
    if (!polling) polling = setTimeout(ask, 0);
  }
  function stopPolling() {
    clearTimeout(polling);
    polling = 0;
  }

  const back = () => {
    if (ended || document.visibilityState !== "visible") return;
    if (source?.readyState !== EventSource.OPEN || Date.now() - heard > SILENT_MS) {
      failures = 0;
      open();
      if (poll) poll().catch(() => {});
    }
  };
  // An open connection may outlive the network by minutes; the browser knows at once.
  const gone = () => {
    source?.close();
    stopPolling();
    state("away");
    clearTimeout(timer);
    timer = setTimeout(open, 5000);
  };
  const listening = new AbortController();
  const { signal } = listening;
  document.addEventListener("visibilitychange", back, { signal });
  addEventListener("online", back, { signal });
  addEventListener("offline", gone, { signal });
  addEventListener("pageshow", (event) => event.persisted && back(), { signal });
  addEventListener("pagehide", () => source?.close(), { signal });
  const watching = setInterval(() => {
    if (silence && source?.readyState === EventSource.OPEN && Date.now() - heard > silence) open();
  }, 5000);
  open();
  return () => {
    ended = true;
    listening.abort();
    clearInterval(watching);
    clearTimeout(timer);
    stopPolling();
    source?.close();
  };
}
