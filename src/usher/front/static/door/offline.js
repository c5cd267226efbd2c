// Puts the page and the files it is made of aside, for worker.js to answer with where there is no
// network.

const NAME = "usher-door";
const FILES = 'link[rel="modulepreload"], link[rel="stylesheet"], link[rel="icon"], script[src]';

/** Makes this page one that can be loaded again without the network, where the browser can. */
export async function keepPage() {
  if (!navigator.serviceWorker || !("caches" in window)) return;
  const path = location.pathname;
  try {
    await navigator.serviceWorker.register(`${path}/worker.js`, { scope: path });
    const files = new Set(
      [...document.querySelectorAll(FILES)].map((each) => new URL(each.href ?? each.src).pathname),
    );
    const cache = await caches.open(NAME);
    const page = await fetch(path, { headers: { accept: "text/html" } });
    if (!page.ok || page.redirected) return; // logged out, say
    await cache.addAll([...files]);
    await cache.put(path, page);
    // Files of another version are of no page any more.
    for (const request of await cache.keys()) {
      const kept = new URL(request.url).pathname;
      if (kept.startsWith("/static/") && !files.has(kept)) await cache.delete(request);
    }
  } catch {
    // Without the network, or in a private window: the page is as good as it was.
  }
}
