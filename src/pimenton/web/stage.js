// The stage: pictures of one size on top of each other, zoomed and panned as one, divided by a
// slider. Zoom is device pixels per picture pixel, so that 1 shows each pixel as it is.
const LEVELS = [1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64];
const MOST_ZOOM = LEVELS.at(-1);
const MOST_FIT = 32;

const between = (low, value, high) => Math.min(Math.max(value, low), high);

export function createStage(root, size, { describe, changed }) {
  const split = root.querySelector("input");
  const view = { zoom: 1, x: size.width / 2, y: size.height / 2, fits: true };
  const shows = { flicker: false, original: false };
  const density = () => window.devicePixelRatio || 1;

  // A small picture is enlarged by whole steps only: uneven pixels would look like a fault of it.
  function fitZoom() {
    const ratio = Math.min(root.clientWidth / size.width, root.clientHeight / size.height);
    const zoom = ratio * density();
    return zoom < 2 ? zoom : Math.min(Math.floor(zoom), MOST_FIT);
  }

  const leastZoom = () => Math.min(fitZoom(), 1);
  const scale = () => view.zoom / density();

  function centered(at, length, visible) {
    return visible >= length ? length / 2 : between(visible / 2, at, length - visible / 2);
  }

  function place() {
    if (view.fits) view.zoom = fitZoom();
    view.x = centered(view.x, size.width, root.clientWidth / scale());
    view.y = centered(view.y, size.height, root.clientHeight / scale());
    const snapped = (value) => `${Math.round(value * density()) / density()}px`;
    const set = (name, value) => root.style.setProperty(name, value);
    set("--left", snapped(root.clientWidth / 2 - view.x * scale()));
    set("--top", snapped(root.clientHeight / 2 - view.y * scale()));
    set("--width", `${size.width * scale()}px`);
    set("--height", `${size.height * scale()}px`);
    root.classList.toggle("crisp", view.zoom >= 2 || (view.zoom > 1 && !view.fits));
    root.classList.toggle("enlarged", !view.fits);
    changed(view);
  }

  // Keep the picture's point under `at`, in CSS pixels from the stage's middle, where it is.
  function zoomTo(zoom, at = { x: 0, y: 0 }) {
    const before = scale();
    const fit = fitZoom();
    view.zoom = between(leastZoom(), zoom, MOST_ZOOM);
    view.fits = Math.abs(view.zoom - fit) < 1e-9;
    view.x += at.x / before - at.x / scale();
    view.y += at.y / before - at.y / scale();
    place();
  }

  function step(direction) {
    const levels = [...LEVELS, fitZoom()].filter((level) => level >= leastZoom());
    const beyond = levels.filter((level) => direction * (level - view.zoom) > 1e-9);
    if (beyond.length) zoomTo(direction > 0 ? Math.min(...beyond) : Math.max(...beyond));
  }

  function pan(dx, dy) {
    view.x -= dx / scale();
    view.y -= dy / scale();
    place();
  }

  function divide(percent = Number(split.value)) {
    split.value = between(0, percent, 100);
    const value = Number(split.value);
    const original = Math.round(value);
    split.setAttribute("aria-valuetext", describe(original, 100 - original));
    const shown = shows.original ? 100 : shows.flicker ? 0 : value;
    root.style.setProperty("--split", `${shown}%`);
    root.style.setProperty("--handle", `${value}%`);
    root.classList.toggle("undivided", shows.flicker || shows.original);
  }

  function show(choice) {
    Object.assign(shows, choice);
    split.disabled = shows.flicker;
    divide();
  }

  // The pictures have a size, maybe another one than before.
  function take() {
    root.style.setProperty("--aspect", `${size.width} / ${size.height}`);
    Object.assign(view, { x: size.width / 2, y: size.height / 2, fits: true });
    place();
  }

  listen(root, split, { view, pan, zoomTo, divide, shows });
  new ResizeObserver(place).observe(root);
  take();
  divide();
  return { zoomTo, step, pan, divide, show, take, fit: () => zoomTo(fitZoom()), split };
}

function listen(root, split, { view, pan, zoomTo, divide, shows }) {
  const pointers = new Map();

  const fromMiddle = (event) => {
    const box = root.getBoundingClientRect();
    return {
      x: event.clientX - box.left - box.width / 2,
      y: event.clientY - box.top - box.height / 2,
    };
  };

  function pinch(before, after) {
    const span = ([a, b]) => Math.hypot(a.x - b.x, a.y - b.y) || 1;
    const middle = ([a, b]) => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
    const [from, to] = [middle(before), middle(after)];
    pan(to.x - from.x, to.y - from.y);
    zoomTo((view.zoom * span(after)) / span(before), to);
  }

  // Where the whole picture is seen, a drag moves the divider; in an enlarged one it pans.
  function drag(before, after) {
    if (!view.fits) pan(after.x - before.x, after.y - before.y);
    else if (!shows.flicker) divide((100 * (after.x + root.clientWidth / 2)) / root.clientWidth);
  }

  root.addEventListener("pointerdown", (event) => {
    if (event.target === split || event.button !== 0) return;
    event.preventDefault();
    split.focus({ preventScroll: true });
    root.setPointerCapture(event.pointerId);
    const at = fromMiddle(event);
    pointers.set(event.pointerId, at);
    if (pointers.size === 1) drag(at, at);
  });
  root.addEventListener("pointermove", (event) => {
    if (!pointers.has(event.pointerId)) return;
    const before = [...pointers.values()];
    pointers.set(event.pointerId, fromMiddle(event));
    const after = [...pointers.values()];
    if (after.length === 2) pinch(before, after);
    else drag(before[0], after[0]);
  });
  for (const end of ["pointerup", "pointercancel"])
    root.addEventListener(end, (event) => pointers.delete(event.pointerId));

  // A wheel over a picture that fits scrolls the page, as everywhere.
  root.addEventListener(
    "wheel",
    (event) => {
      if (view.fits && !event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 30 : 1;
      const turns = between(-100, event.deltaY * lines, 100) / 200;
      zoomTo(view.zoom * 2 ** -turns, fromMiddle(event));
    },
    { passive: false },
  );

  split.addEventListener("input", () => divide());
  split.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 };
    if (!(event.key in steps) || event.shiftKey) return;
    event.preventDefault();
    divide(Number(split.value) + steps[event.key]);
  });
}

// The veil covers every pixel but those of one color. Canvases of some browsers end at 16 million
// pixels; a larger picture is sampled.
const MOST_CANVAS_PIXELS = 16_000_000;

export function fitCanvas(canvas, { width, height }) {
  const reduced = Math.min(1, Math.sqrt(MOST_CANVAS_PIXELS / (width * height)));
  canvas.width = Math.max(1, Math.floor(width * reduced));
  canvas.height = Math.max(1, Math.floor(height * reduced));
}

export function createVeil(canvas, size) {
  const places = new WeakMap();

  function clear() {
    canvas.classList.remove("drawn");
  }

  async function light(image, palette, place) {
    await image.decode();
    fitCanvas(canvas, size);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    if (!places.has(image)) places.set(image, placesOf(image, palette, context));
    const found = places.get(image);
    // Dark colors are seen among light ones, and light ones among dark ones.
    const [r, g, b, alpha] = palette[place];
    const bright = alpha < 128 || 0.299 * r + 0.587 * g + 0.114 * b > 110;
    const cover = bright ? 0xe0141414 : 0xe0f4f4f4;
    const veil = context.createImageData(canvas.width, canvas.height);
    const words = new Uint32Array(veil.data.buffer);
    let lit = 0;
    for (let i = 0; i < words.length; i++) {
      if (found[i] === place) lit++;
      else words[i] = cover;
    }
    context.putImageData(veil, 0, 0);
    canvas.dataset.lit = lit;
    canvas.classList.add("drawn");
  }

  return { clear, light };
}

// Each pixel's place in the palette, read from the decoded picture. A canvas keeps translucent
// colors multiplied by their opacity and rounded, so they are met by the nearest entry.
function placesOf(image, palette, context) {
  const { width, height } = context.canvas;
  context.imageSmoothingEnabled = false;
  context.drawImage(image, 0, 0, width, height);
  const words = new Uint32Array(context.getImageData(0, 0, width, height).data.buffer);
  const known = new Map();
  return Uint8Array.from(words, (word) => {
    let place = known.get(word);
    if (place === undefined) known.set(word, (place = nearest(palette, word)));
    return place;
  });
}

function nearest(palette, word) {
  const premultiplied = ([r, g, b, a]) => [(r * a) / 255, (g * a) / 255, (b * a) / 255, a];
  const color = [word & 255, (word >> 8) & 255, (word >> 16) & 255, word >>> 24];
  const wanted = premultiplied(color);
  const distance = (entry) =>
    premultiplied(entry).reduce((sum, value, i) => sum + (value - wanted[i]) ** 2, 0);
  const distances = palette.map(distance);
  return distances.indexOf(Math.min(...distances));
}
