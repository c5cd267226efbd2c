// Reads values off a chart at the pointer into its legend. The page says all it has to say without.
const LEFT = 64, RIGHT = 14, WIDTH = 640;
const digits = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });
const clock = (t) => `${Math.floor(t / 60)}:${String(Math.floor(t % 60)).padStart(2, "0")}`;

for (const chart of document.querySelectorAll(".chart")) {
  const svg = chart.querySelector(":scope > svg");
  const pointer = svg.querySelector(".pointer");
  const told = [...chart.querySelectorAll("output")];
  const rest = told.map((each) => each.textContent);
  let data;

  svg.addEventListener("pointermove", (event) => {
    data ??= JSON.parse(chart.dataset.points);
    const frame = svg.getBoundingClientRect();
    const x = ((event.clientX - frame.left) / frame.width) * WIDTH;
    const t = ((x - LEFT) / (WIDTH - LEFT - RIGHT)) * data.end;
    let near = 0;
    for (let i = 1; i < data.t.length; i++) {
      if (Math.abs(data.t[i] - t) < Math.abs(data.t[near] - t)) near = i;
    }
    const at = LEFT + (data.t[near] / data.end) * (WIDTH - LEFT - RIGHT);
    pointer.setAttribute("transform", `translate(${at} 0)`);
    pointer.removeAttribute("hidden");
    told.forEach((each, i) => {
      const value = data.lines[i][near];
      each.textContent = `${value === null ? "none" : digits.format(value)} at ${clock(data.t[near])}`;
    });
  });
  svg.addEventListener("pointerleave", () => {
    pointer.setAttribute("hidden", "");
    told.forEach((each, i) => { each.textContent = rest[i]; });
  });
}
