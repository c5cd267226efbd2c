// The page at the door, loaded again without the network: a phone that ran out of memory, or was
// dropped, in the middle of an entrance. It answers with what door.js has put aside, for this page
// and the files it is made of, and only where the network does not; the API is never answered here.

const NAME = "usher-door";
const PATIENCE_MS = 4000; // a network that hangs is no network

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const where = new URL(request.url);
  if (request.method !== "GET" || where.origin !== location.origin) return;
  if (request.mode === "navigate") event.respondWith(page(request, where.pathname));
  else if (where.pathname.startsWith("/static/")) event.respondWith(file(request));
});

const kept = (what) => caches.match(what, { cacheName: NAME, ignoreVary: true });

async function page(request, path) {
  const asked = fetch(request);
  asked.catch(() => {}); // it may fail long after it was given up
  const late = new Promise((_, fail) => setTimeout(fail, PATIENCE_MS));
  try {
    return await Promise.race([asked, late]);
  } catch {
    return (await kept(path)) ?? asked;
  }
}

// Their addresses hold a digest: what is kept is what the server would send.
const file = async (request) => (await kept(request)) ?? fetch(request);
