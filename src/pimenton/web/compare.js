// The comparison: fills the panels and connects what is pressed with what is shown.
const state = { result: 0, place: null, byCount: false };
const current = () => data.results[state.result];
const images = [...document.querySelectorAll(".result img")];

const swatches = { strip: by("strip"), colors: by("colors") };
const viewer = createViewer(data, {
  original: () => document.querySelector(".original img"),
  result: () => images[state.result],
  keys: {
    n: () => showResult((state.result + 1) % data.results.length),
    escape: () => choose(null),
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
  if (palette) showPalette(swatches, current(), state.byCount);
}

function choose(place) {
  const { palette, counts } = current();
  state.place = place;
  for (const button of by("colors").children) press(button, Number(button.dataset.place) === place);
  viewer.light(palette, place);
  if (place === null) {
    if (palette) by("palette-note").textContent = filled(text.palette_note, { n: palette.length });
    return;
  }
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
  viewer.changed();
  showErrors();
  showHistory();
}

function setOrder(byCount) {
  state.byCount = byCount;
  press(by("order-palette"), !byCount);
  press(by("order-count"), byCount);
  listColors();
  choose(state.place);
}

function connectOrder() {
  by("order-palette").addEventListener("click", () => setOrder(false));
  by("order-count").addEventListener("click", () => setOrder(true));
  connectPalette(swatches, (place) => choose(place === state.place ? null : place));
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
  viewer.tell();
  showResult(state.result, state.place);
}

listResults();
connectOrder();
offerLanguages(data.texts, data.lang, tell);
new ResizeObserver(showHistory).observe(by("curve"));
new ResizeObserver(showErrors).observe(by("errors"));
