// Calls to the API of this site: JSON in, JSON out; a problem is an error with its code.

import { loggedIn, refresh } from "./session.js";

/** What the server refused, or that it could not be reached (`status` 0). */
export class Problem extends Error {
  constructor(status, body, retryAfter) {
    super(body.detail || body.title || "");
    this.status = status;
    this.code = body.code || "offline";
    this.body = body;
    this.retryAfter = retryAfter;
  }
}

/** The answer's JSON (null where there is none); throws a Problem. Repeats what may pass (503, a
    lost connection) `tries` times: every change of the API is repeatable under the same `key`.
    What never changes may come from the browser's `cache` ("default"). `patience` is for how many
    ms an answer is waited for. */
export async function call(method, path, body, { key, tries = 3, cache = "no-store", patience } = {}) {
  const headers = { accept: "application/json" };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (key) headers["idempotency-key"] = key;
  let refreshed = false;
  for (let attempt = 1; ; attempt += 1) {
    let problem;
    try {
      const answer = await fetch(path, {
        method,
        headers,
        body: body === undefined ? undefined : JSON.stringify(body),
        cache,
        signal: patience ? AbortSignal.timeout(patience) : undefined,
      });
      const text = await answer.text();
      const found = text ? JSON.parse(text) : null;
      if (answer.ok) return found;
      problem = new Problem(answer.status, found || {}, Number(answer.headers.get("retry-after")) || 0);
    } catch (fault) {
      problem = fault instanceof Problem ? fault : new Problem(0, {}, 0);
    }
    // A page that slept: its access token has run out, its login has not.
    if (problem.status === 401 && loggedIn() && !refreshed) {
      refreshed = true;
      if (await refresh().catch(() => false)) continue;
    }
    const passes = problem.status === 0 || problem.status === 503;
    if (!passes || attempt >= tries) throw problem;
    await new Promise((done) => setTimeout(done, (problem.retryAfter || attempt) * 1000));
  }
}

/** A key under which a request may be repeated. */
export const newKey = () => crypto.randomUUID();
