// Colours: tokens of the stylesheet, and the plan's own, made fit for a dark page.

const probe = document.createElement("canvas").getContext("2d");

/** A CSS colour as [r, g, b]; what cannot be read is grey. */
function rgb(color) {
  probe.fillStyle = "#7a869a";
  if (color) probe.fillStyle = color;
  const text = probe.fillStyle;
  if (!text.startsWith("#")) return [122, 134, 154];
  return [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));
}

const light = ([r, g, b]) => (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
const css = (parts) => `rgb(${parts.map(Math.round).join(" ")})`;
const mix = (one, other, share) => one.map((part, p) => part + (other[p] - part) * share);

/** All colours of a map for the page as it is now. */
export function coloursOf(plan) {
  const style = getComputedStyle(document.documentElement);
  const token = (name) => style.getPropertyValue(`--${name}`).trim();
  const dark = light(rgb(token("sheet"))) < 0.4;
  const names = ["sheet", "ink", "quiet", "line", "edge", "accent", "bad", "seat-mine", "seat-held", "seat-sold"];
  const found = Object.fromEntries(names.map((name) => [name, token(name)]));
  found.dark = dark;
  found.font = getComputedStyle(document.body).fontFamily;
  const categories = plan.categories.map((each) => {
    const own = rgb(each.color);
    return dark ? mix(own, [255, 255, 255], 0.35) : own;
  });
  found.categories = categories.map(css);
  found.digits = categories.map((each) => (light(each) > 0.45 ? "#14121c" : "#ffffff"));
  return found;
}
