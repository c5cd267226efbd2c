// Mouse, touch, pen, wheel and keys on the canvas, told to the map.

const SLOP = 7; // pixels that a press may wander

export function attend(canvas, map) {
  const pointers = new Map();
  let wandered = 0;
  let apart = 0;

  const spot = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const pinch = () => {
    const [[ax, ay], [bx, by]] = pointers.values();
    return { far: Math.hypot(ax - bx, ay - by), x: (ax + bx) / 2, y: (ay + by) / 2 };
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button > 0) return;
    if (!pointers.size) wandered = 0;
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, spot(event));
    if (pointers.size === 2) {
      apart = pinch().far;
      wandered = SLOP + 1;
    }
  });
  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = spot(event);
    const before = pointers.get(event.pointerId);
    if (!before) {
      if (event.pointerType === "mouse") map.point(x, y);
      return;
    }
    if (pointers.size === 2) {
      const old = pinch();
      pointers.set(event.pointerId, [x, y]);
      const now = pinch();
      map.pan(now.x - old.x, now.y - old.y);
      if (apart > 10 && now.far > 10) map.zoom(now.far / apart, now.x, now.y);
      apart = now.far;
      return;
    }
    wandered += Math.hypot(x - before[0], y - before[1]);
    if (wandered <= SLOP) return;
    pointers.set(event.pointerId, [x, y]);
    canvas.classList.add("drags");
    map.pan(x - before[0], y - before[1]);
  });
  const up = (event) => {
    const had = pointers.delete(event.pointerId);
    canvas.classList.remove("drags");
    if (pointers.size === 1) apart = 0;
    if (!had || event.type !== "pointerup" || wandered > SLOP || pointers.size) return;
    map.press(...spot(event), event.pointerType !== "mouse");
  };
  canvas.addEventListener("pointerup", up);
  canvas.addEventListener("pointercancel", up);
  canvas.addEventListener("pointerleave", () => map.point(null, null));
  canvas.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const lines = event.deltaMode === 1 ? 20 : 1;
      const step = Math.max(-120, Math.min(120, event.deltaY * lines));
      map.zoom(Math.exp(-step * (event.ctrlKey ? 0.01 : 0.0022)), ...spot(event));
    },
    { passive: false },
  );
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const steps = { ArrowLeft: [80, 0], ArrowRight: [-80, 0], ArrowUp: [0, 80], ArrowDown: [0, -80] };
    if (steps[event.key]) map.pan(...steps[event.key]);
    else if (event.key === "+" || event.key === "=") map.zoom(1.4);
    else if (event.key === "-") map.zoom(1 / 1.4);
    else if (event.key === "0" || event.key === "Home") map.fit();
    else return;
    event.preventDefault();
  });
}
