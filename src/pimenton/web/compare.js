// The comparison: fills the panels and connects what is pressed with what is shown.
const state = { result: 0, place: null, byCount: false, view: "slider" };
const current = () => data.results[state.result];
const showZoom = () => (by("zoom").textContent = `${format.whole(100 * state.zoom)} %`);
const images = [...document.querySelectorAll(".result img")];

const veil = createVeil(by("veil"), data);
const difference = createDifference(by("difference"), data);
const stage = createStage(by("stage"), data, {
  describe: (original, result) => filled(text.divider_value, { original, result }),
  changed(view) {
    state.zoom = view.zoom;
    showZoom();
    press(by("zoom-fit"), view.fits);
    press(by("zoom-actual"), view.zoom === 1);
  },
});

function summarize() {
  const { size_bytes: output, n_colors, mse, psnr } = current();
  const input = data.original.size_bytes;
  const sizes = { input: input && format.bytes(input), output: output && format.bytes(output) };
  if (input && output) sizes.share = format.percent(output / input);
  const parts = [
    sizes.share ? filled(text.summary, sizes) : sizes.output,
    filled(text.n_colors_short, { n: format.whole(n_colors) }),
    mse === 0 ? text.same_pixels : `PSNR ${format.hundredths(psnr)} dB`,
  ];
  by("summary").textContent = parts.filter(Boolean).join(" · ");
}

function listColors() {
  const { palette, n_colors } = current();
  document.querySelector(".palette").classList.toggle("many", !palette);
  by("order").hidden = !palette || palette.length < 2;
  by("palette-note").textContent = filled(palette ? text.palette_note : text.palette_many, {
    n: format.whole(n_colors),
  });
  if (palette)
    showPalette({ strip: by("strip"), colors: by("colors") }, current(), state.byCount);
}

function choose(place) {
  const { palette, counts } = current();
  state.place = place;
  for (const button of by("colors").children) press(button, Number(button.dataset.place) === place);
  if (place === null) {
    veil.clear();
    if (palette) by("palette-note").textContent = filled(text.palette_note, { n: palette.length });
    return;
  }
  veil.light(images[state.result], palette.map(rgbaOf), place);
  by("stage").scrollIntoView({ block: "nearest" });
  by("palette-note").textContent = filled(text.palette_chosen, {
    hex: palette[place],
    count: format.whole(counts[place]),
    share: format.percent(counts[place] / (data.width * data.height)),
  });
}

function showHistory() {
  const { history, options } = current();
  by("convergence").hidden = !history;
  if (!history) return;
  by("options").textContent = filled(text.options, {
    options: Object.entries(options).map((pair) => pair.join(" ")).join(", "),
  });
  const [first, last] = [history[0], history.at(-1)];
  const moved = history.length > 1 && first > last;
  if (moved) drawHistory(by("curve"), history);
  else by("curve").replaceChildren();
  by("curve-note").textContent = filled(
    moved ? text.curve_note : last === 0 ? text.curve_exact : text.curve_flat,
    {
      space: options.space,
      first: format.significant(first),
      last: format.significant(last),
      drop: format.percent(1 - last / first),
    },
  );
}

function showErrors() {
  const { errors, mse } = current();
  by("errors-section").hidden = mse === 0;
  if (mse === 0) return;
  drawErrors(by("errors"), errors);
  by("errors-note").textContent = filled(text.errors_note, {
    same: format.percent(errors.same),
    median: format.tenths(errors.median),
    most: format.tenths(errors.most),
  });
}

function showResult(place, color = null) {
  state.result = place;
  images.forEach((image, i) => (image.hidden = i !== place));
  [...by("results").children].forEach((button, i) => press(button, i === place));
  by("result-name").textContent = data.results.length > 1 ? current().name : text.result;
  summarize();
  listColors();
  choose(color);
  showDifference();
  showErrors();
  showHistory();
}

function setView(view) {
  state.view = view;
  for (const name of ["slider", "flicker", "difference"]) press(by(`view-${name}`), name === view);
  by("difference-note").hidden = view !== "difference";
  showDifference();
  stage.show({ flicker: view !== "slider" });
}

// The original that is held lies over the difference too.
function showDifference(held = false) {
  const differs = state.view === "difference" && !held;
  by("stage").classList.toggle("differs", differs);
  if (differs) difference.show(document.querySelector(".original img"), images[state.result]);
}

function hold(original) {
  press(by("hold"), original);
  showDifference(original);
  stage.show({ original });
}

function setOrder(byCount) {
  state.byCount = byCount;
  press(by("order-palette"), !byCount);
  press(by("order-count"), byCount);
  listColors();
  choose(state.place);
}

function connectButtons() {
  for (const view of ["slider", "flicker", "difference"])
    by(`view-${view}`).addEventListener("click", () => setView(view));
  by("zoom-in").addEventListener("click", () => stage.step(1));
  by("zoom-out").addEventListener("click", () => stage.step(-1));
  by("zoom-fit").addEventListener("click", () => stage.fit());
  by("zoom-actual").addEventListener("click", () => stage.zoomTo(1));
  by("order-palette").addEventListener("click", () => setOrder(false));
  by("order-count").addEventListener("click", () => setOrder(true));
  for (const id of ["colors", "strip"])
    by(id).addEventListener("click", (event) => {
      const target = event.target.closest("[data-place]");
      if (!target) return;
      const place = Number(target.dataset.place);
      choose(place === state.place ? null : place);
    });
}

function connectKeys() {
  const arrows = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  const keys = {
    f: () => hold(true),
    "+": () => stage.step(1),
    "=": () => stage.step(1),
    "-": () => stage.step(-1),
    0: () => stage.fit(),
    1: () => stage.zoomTo(1),
    d: () => setView(state.view === "difference" ? "slider" : "difference"),
    n: () => showResult((state.result + 1) % data.results.length),
    escape: () => choose(null),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const free = event.target === document.body;
    if (event.key in arrows && event.shiftKey && (free || event.target === stage.split)) {
      event.preventDefault();
      stage.pan(...arrows[event.key].map((sign) => 60 * sign));
    } else if (free && (event.key === "ArrowLeft" || event.key === "ArrowRight")) {
      stage.divide(Number(stage.split.value) - arrows[event.key][0]);
    } else keys[event.key.toLowerCase()]?.();
  });
  document.addEventListener("keyup", (event) => event.key.toLowerCase() === "f" && hold(false));
}

function listResults() {
  by("results").hidden = data.results.length < 2;
  by("results").replaceChildren(
    ...data.results.map((result, place) => {
      const button = element("button", { type: "button", "aria-pressed": "false" }, result.name);
      button.addEventListener("click", () => showResult(place));
      return button;
    }),
  );
}

// Tell everything in the language that is chosen.
function tell() {
  by("shown").textContent = [data.original, ...data.results]
    .map(({ name, shown }) => filled(text[`shown_${shown}`], { name }))
    .join(" ");
  showFigures(by("figures"));
  stage.divide();
  showZoom();
  showResult(state.result, state.place);
}

listResults();
connectButtons();
connectHold(by("hold"), hold);
connectKeys();
offerLanguages(tell);
new ResizeObserver(showHistory).observe(by("curve"));
new ResizeObserver(showErrors).observe(by("errors"));
