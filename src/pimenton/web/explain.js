// The way of the centroids, frame by frame: the points; the start; then for each iteration its
// assignment and its move. A frame is shown by the cloud, the picture, the words and the charts.
const MOST_POINTS = 12_000;
const n_iterations = data.inertia.length;
const n_centroids = data.centroids[0].length / 3;
const LAST = 2 * n_iterations + 1;
const STEPS = ["start", "assign", "move", "end"];
const state = { frame: 0, only: null, playing: false, original: false, timer: 0, animation: 0 };
const calm = matchMedia("(prefers-reduced-motion: reduce)");

function frameAt(number) {
  if (number < 2) return { step: number === 0 ? "points" : "start", iteration: 0, centroids: data.centroids[0] };
  const iteration = Math.floor(number / 2);
  const moved = number % 2 === 1;
  return {
    step: number === LAST ? "end" : moved ? "move" : "assign",
    iteration,
    centroids: data.centroids[moved ? iteration : iteration - 1],
    labelled: data.centroids[iteration - 1],
  };
}

const image = document.querySelector(".moment img");
await image.decode();
const moment = createMoment(by("moment"), image);
const points = samplePixels(moment.original, MOST_POINTS);
const pointLabels = new Uint8Array(points.length / 3);
const cloud = startCloud();
const shown = { colors: new Uint8Array(points), centroids: null };

function startCloud() {
  const canvas = document.createElement("canvas");
  const able = canvas.getContext("webgl2");
  able?.getExtension("WEBGL_lose_context")?.loseContext();
  by("flat-note").hidden = Boolean(able);
  return (able ? createCloud : createFlatCloud)(by("cloud"), points, n_centroids);
}

// What the points' colors are in a frame: their own, or those of their centroids.
function colorsIn({ labelled, centroids }) {
  if (!labelled) return new Uint8Array(points);
  labelAll(points, 3, labelled, pointLabels);
  const fills = rounded(centroids);
  const colors = new Uint8Array(points.length);
  pointLabels.forEach((label, i) => {
    const faint = state.only !== null && label !== state.only;
    for (let c = 0; c < 3; c++) colors[3 * i + c] = faint ? fills[3 * label + c] >> 3 : fills[3 * label + c];
  });
  return colors;
}

// The segments of all paths up to an iteration, the last one to where the centroids are.
function pathTo(iteration, centroids) {
  const stops = [...data.centroids.slice(0, iteration), centroids];
  const segments = [];
  for (let i = 1; i < stops.length; i++)
    for (let c = 0; c < centroids.length; c += 3)
      if (stops[i - 1][c] !== stops[i][c] || stops[i - 1][c + 1] !== stops[i][c + 1])
        segments.push(...stops[i - 1].slice(c, c + 3), ...stops[i].slice(c, c + 3));
  return segments;
}

const blended = (from, to, part) => from.map((value, i) => value + (to[i] - value) * part);

// Draw the cloud, going over from what is shown to the frame within some milliseconds.
function drawCloud(frame, duration) {
  cancelAnimationFrame(state.animation);
  const target = colorsIn(frame);
  const placed = frame.step === "points" ? null : frame.centroids;
  const [fromColors, fromCentroids] = [shown.colors, shown.centroids ?? placed];
  const started = performance.now();

  function advance(now) {
    const part = duration > 0 ? Math.min(Math.max((now - started) / duration, 0), 1) : 1;
    const eased = part * part * (3 - 2 * part);
    shown.colors = part === 1 ? target : blended(fromColors, target, eased);
    shown.centroids = placed && (part === 1 ? placed : blended(fromCentroids, placed, eased));
    cloud.draw({
      colors: shown.colors,
      centroids: shown.centroids,
      fills: placed && rounded(shown.centroids),
      path: placed ? pathTo(frame.iteration, shown.centroids) : [],
    });
    if (part < 1) state.animation = requestAnimationFrame(advance);
  }

  advance(started);
}

function drawPicture(frame) {
  if (frame.labelled) moment.assign(frame.labelled);
  moment.paint(frame.labelled && !state.original ? rounded(frame.centroids) : null, state.only);
}

const longest = (before, after) => {
  let most = 0;
  for (let c = 0; c < before.length; c += 3)
    most = Math.max(most, Math.hypot(after[c] - before[c], after[c + 1] - before[c + 1], after[c + 2] - before[c + 2]));
  return most;
};

// What happened in a step, in figures.
function eventOf({ step, iteration, labelled }) {
  const levels = (value) => format.significant(Number(value.toPrecision(2)));
  const way = iteration && longest(data.centroids[iteration - 1], data.centroids[iteration]);
  if (step === "assign" && iteration > 1) {
    const n = moment.countChanges(data.centroids[iteration - 2]);
    return filled(text.assign_event, { n: format.whole(n), share: format.percent(n / (data.width * data.height)) });
  }
  if (step === "move")
    return filled(text.move_event, {
      way: levels(way),
      before: format.significant(data.inertia[iteration - 1]),
      after: format.significant(data.inertia[iteration]),
    });
  if (step === "end")
    return filled(text[data.settled ? "end_settled" : "end_stopped"], {
      n: format.whole(n_iterations),
      way: levels(way),
      bits: Math.max(1, Math.ceil(Math.log2(n_centroids))),
    });
  return "";
}

function tellStep(frame) {
  const values = {
    n: format.whole(data.width * data.height),
    distinct: format.whole(data.n_distinct),
    k: format.whole(n_centroids),
    seed: data.seed,
  };
  by("step-title").textContent = text[`${frame.step}_title`];
  by("sentence").textContent = filled(text[`${frame.step}_told`], values);
  by("event").textContent = eventOf(frame);
  for (const formula of document.querySelectorAll("[data-formula]"))
    formula.toggleAttribute("hidden", formula.dataset.formula !== frame.step);
  for (const button of by("steps").children) {
    if (button.dataset.step === frame.step) button.setAttribute("aria-current", "step");
    else button.removeAttribute("aria-current");
  }
}

function placeOf(frame) {
  const words = { step: text[`${frame.step}_short`], i: format.whole(frame.iteration), n: format.whole(n_iterations) };
  return frame.iteration ? filled(text.place, words) : words.step;
}

function drawCounts(frame) {
  const known = Boolean(frame.labelled);
  const counts = known ? data.counts[frame.iteration - 1] : new Array(n_centroids).fill(0);
  const fills = rounded(frame.centroids);
  const total = data.width * data.height;
  const most = Math.max(...data.counts.map((row) => Math.max(...row)));
  [...by("counts").children].forEach((bar, j) => {
    const hex = `#${[...fills.slice(3 * j, 3 * j + 3)].map((value) => value.toString(16).padStart(2, "0")).join("")}`;
    const share = `${format.percent(counts[j] / total)} %`;
    bar.style.setProperty("--color", hex);
    bar.style.setProperty("--part", counts[j] / most);
    bar.querySelector("code").textContent = hex;
    bar.querySelector(".count").textContent = known ? format.whole(counts[j]) : "";
    bar.querySelector(".share").textContent = known ? share : "";
    bar.setAttribute("aria-label", filled(text.color_label, { hex, count: format.whole(counts[j]), share: format.percent(counts[j] / total) }));
    press(bar, state.only === j);
  });
  by("counts").classList.toggle("unknown", frame.step === "points");
}

function drawCurve(frame) {
  const flat = n_iterations < 2;
  by("curve").hidden = flat;
  by("curve-note").textContent = flat
    ? filled(text.curve_flat, { last: format.significant(data.inertia[0]) })
    : text.curve_told;
  if (!flat) drawHistory(by("curve"), data.inertia, frame.iteration || null);
}

function show(number, duration = 0) {
  if (number < 2) state.only = null;
  state.frame = Math.min(Math.max(number, 0), LAST);
  const frame = frameAt(state.frame);
  by("frame").value = state.frame;
  by("frame").setAttribute("aria-valuetext", placeOf(frame));
  by("place").textContent = placeOf(frame);
  by("back").disabled = state.frame === 0;
  by("next").disabled = state.frame === LAST;
  by("event").setAttribute("aria-live", state.playing ? "off" : "polite");
  drawCloud(frame, calm.matches ? 0 : duration);
  drawPicture(frame);
  tellStep(frame);
  drawCounts(frame);
  drawCurve(frame);
}

// The first iterations are told slowly; later ones, in which little happens, pass quickly.
function pace(frame) {
  const iteration = Math.floor(frame / 2);
  if (iteration <= 2) return { wait: 2600, going: 1100 };
  if (iteration <= 5) return { wait: 1100, going: 600 };
  return { wait: iteration <= 20 ? 350 : 120, going: 0 };
}

function play(on) {
  clearTimeout(state.timer);
  state.playing = on;
  by("play").classList.toggle("playing", on);
  by("play-word").textContent = on ? text.pause : text.play;
  cloud.spin(on && !calm.matches);
  if (!on) return;
  if (state.frame === LAST) show(0);
  advance();
}

function advance() {
  state.timer = setTimeout(() => {
    if (state.frame === LAST) return play(false);
    show(state.frame + 1, pace(state.frame + 1).going);
    advance();
  }, state.frame === 0 ? 900 : pace(state.frame).wait);
}

function go(number, duration = 500) {
  play(false);
  show(number, duration);
}

function choose(j) {
  if (!frameAt(state.frame).labelled) return;
  state.only = j === state.only ? null : j;
  show(state.frame);
}

// Where a step's button leads: to this step of the iteration that is shown, or of the first.
function goToStep(step) {
  const iteration = Math.max(1, frameAt(state.frame).iteration);
  go({ start: 1, assign: 2 * iteration, move: 2 * iteration + 1, end: LAST }[step]);
}

function connectButtons() {
  by("back").addEventListener("click", () => go(state.frame - 1));
  by("next").addEventListener("click", () => go(state.frame + 1));
  by("play").addEventListener("click", () => play(!state.playing));
  by("frame").addEventListener("input", () => go(Number(by("frame").value), 0));
  for (const button of by("steps").children)
    button.addEventListener("click", () => goToStep(button.dataset.step));
  by("moment").addEventListener("click", (event) => {
    const box = by("moment").getBoundingClientRect();
    choose(moment.labelAt((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height));
  });
  connectHold(by("hold"), holdOriginal);
}

function holdOriginal(on) {
  if (on === state.original) return;
  state.original = on;
  press(by("hold"), on);
  drawPicture(frameAt(state.frame));
}

function connectKeys() {
  const turns = { ArrowLeft: [-0.15, 0], ArrowRight: [0.15, 0], ArrowUp: [0, 0.12], ArrowDown: [0, -0.12] };
  by("cloud").addEventListener("keydown", (event) => {
    if (event.key in turns) cloud.turn(...turns[event.key]);
    else if (event.key === "+" || event.key === "=") cloud.zoom(0.85);
    else if (event.key === "-") cloud.zoom(1 / 0.85);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  const keys = {
    arrowleft: () => go(state.frame - 1),
    arrowright: () => go(state.frame + 1),
    home: () => go(0),
    end: () => go(LAST),
    " ": () => play(!state.playing),
    f: () => holdOriginal(true),
    escape: () => choose(state.only),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.toLowerCase();
    const used = event.target.closest("button") ? key === " " : event.target === by("frame") && key !== " ";
    if (used || !(key in keys) || (key === "escape" && state.only === null)) return;
    event.preventDefault();
    keys[key]();
  });
  document.addEventListener("keyup", (event) => event.key.toLowerCase() === "f" && holdOriginal(false));
}

function listCounts() {
  by("counts").replaceChildren(
    ...Array.from({ length: n_centroids }, (_, j) => {
      const bar = element(
        "button",
        { type: "button", class: "bar", "aria-pressed": "false" },
        element("span", { class: "swatch" }),
        element("code"),
        element("span", { class: "track" }, element("span", { class: "fill" })),
        element("span", { class: "count" }),
        element("span", { class: "share" }),
      );
      bar.addEventListener("click", () => choose(j));
      return bar;
    }),
  );
}

// Tell everything in the language that is chosen.
function tell() {
  const notes = [];
  if (data.reduced_from) {
    const [width, height] = data.reduced_from.map(format.whole);
    notes.push(filled(text.reduced, { width, height, now_width: format.whole(data.width), now_height: format.whole(data.height) }));
  }
  if (data.on_white) notes.push(text.on_white);
  if (points.length / 3 < data.width * data.height)
    notes.push(filled(text.sampled, { n: format.whole(points.length / 3) }));
  by("notes").textContent = notes.join(" ");
  by("title").textContent = document.title = filled(text.title, { k: format.whole(n_centroids), name: data.name });
  by("summary").textContent = filled(text[data.settled ? "summary_settled" : "summary_stopped"], {
    distinct: format.whole(data.n_distinct),
    k: format.whole(n_centroids),
    n: format.whole(n_iterations),
    pixels: format.whole(data.width * data.height),
  });
  by("play-word").textContent = state.playing ? text.pause : text.play;
  show(state.frame);
}

by("frame").max = LAST;
listCounts();
connectButtons();
connectKeys();
offerLanguages(data.texts, data.lang, tell);
new ResizeObserver(() => drawCurve(frameAt(state.frame))).observe(by("curve").parentElement);
