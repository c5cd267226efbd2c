// Parts of a page, asked for again: the server draws them, in one place and in one language.

/**
 * Asks for `url` and puts the elements of its page with these `ids` in the place of ours. False,
 * and nothing is changed, where its page has other parts. Throws where nothing could be had.
 * The focus stays on what has the same id, else it goes to the first heading of what is new.
 */
export async function renew(ids, url = location.href, options = {}) {
  const answer = await fetch(url, { headers: { accept: "text/html" }, cache: "no-store", ...options });
  if (answer.status >= 500) throw new Error(answer.statusText);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const pairs = ids.map((id) => [document.getElementById(id), page.getElementById(id)]);
  if (pairs.some((pair) => pair.includes(null))) return false;
  for (const [before, after] of pairs) {
    const focus = before.contains(document.activeElement) ? document.activeElement : null;
    before.replaceWith(document.adoptNode(after));
    if (focus) {
      const same = focus.id && document.getElementById(focus.id);
      (same || after.querySelector("h1, h2, [tabindex='-1']"))?.focus();
    }
  }
  return true;
}
