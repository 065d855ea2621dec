// Quality and size against the number of colors, and what one number of colors means.
const dithers = [...new Set(data.points.map((point) => point.dither))];
const rows = dithers.map((dither) => data.points.filter((point) => point.dither === dither));
const numbers = rows[0].map((point) => point.n_colors);
const state = { place: Math.max(0, rows[0].findIndex((point) => point.is_knee)) };
const nameOf = (dither) => (dither === "none" ? text.undithered : dither);
// Of a row's name in pixels, which stands clear of the row's end.
const NAME_WIDTH = 110;
const lineClass = (i) => (i === 0 ? "first" : "second");

function drawRows(root, label, key, formatted, range) {
  const values = data.points.map((point) => point[key]);
  const told = rows.map((row, i) => `${nameOf(dithers[i])}: ${row.map((point) => `${point.n_colors}: ${formatted(point[key])}`).join("; ")}`);
  const axes = {
    label: `${label}. ${told.join(". ")}`,
    x: { label: text.n_colors, ticks: numbers.filter((n) => Number.isInteger(Math.log2(n))), range: [numbers[0], numbers.at(-1)], log: true, format: format.whole },
    y: { label, ticks: ticks(range ?? Math.min(...values), Math.max(...values), 5), format: formatted },
    height: 300,
  };
  drawChart(root, axes, (x, y, { top, bottom }) => {
    const now = x(numbers[state.place]);
    const shapes = [drawn("line", { class: "cursor", x1: now, x2: now, y1: top, y2: bottom })];
    rows.forEach((row, i) => {
      const at = (point) => [x(point.n_colors), y(point[key])];
      shapes.push(lineThrough(row.map(at), lineClass(i)));
      for (const point of row) {
        const title = `${point.n_colors}, ${nameOf(point.dither)}: ${formatted(point[key])}`;
        const chosen = point.n_colors === numbers[state.place];
        shapes.push(dot(...at(point), title, { class: lineClass(i), r: chosen ? 5.5 : 3.5 }));
        if (point.is_knee) shapes.push(dot(...at(point), title, { class: `knee ${lineClass(i)}`, r: 9 }));
      }
      const end = x(numbers.at(-1));
      const beside = row.map(at).filter(([across]) => across > end - NAME_WIDTH).map(([, height]) => height);
      const height = i === 0 ? Math.min(Math.max(...beside) + 22, bottom - 6) : Math.min(...beside) - 14;
      shapes.push(drawn("text", { class: `name ${lineClass(i)}`, x: end, y: height, "text-anchor": "end" }, nameOf(dithers[i])));
    });
    return shapes;
  });
}

function drawBoth() {
  drawRows(by("quality"), "SSIMULACRA2", "ssimulacra2", format.whole);
  drawRows(by("size"), text.size_axis, "size_bytes", (bytes) => `${format.significant(bytes / 1000)} kB`, 0);
}

function listFigures() {
  const heads = dithers.map((dither) => element("th", { scope: "colgroup", colspan: 3 }, nameOf(dither)));
  const columns = dithers.flatMap(() => [text.size_short, "SSIMULACRA2", "PSNR"].map((name) => element("th", { scope: "col" }, name)));
  const lines = numbers.map((n, place) => {
    const cells = rows.flatMap((row) => {
      const point = row[place];
      const psnr = point.psnr === null ? text.identical : `${format.hundredths(point.psnr)} dB`;
      return [format.bytes(point.size_bytes), format.tenths(point.ssimulacra2), psnr].map((cell, i) =>
        element("td", i === 1 && point.is_knee ? { class: "knee" } : {}, cell),
      );
    });
    return element("tr", place === state.place ? { class: "chosen" } : {}, element("th", { scope: "row" }, format.whole(n)), ...cells);
  });
  by("figures").replaceChildren(
    element("thead", {}, element("tr", {}, element("td"), ...heads), element("tr", {}, element("th", { scope: "col" }, text.n_colors), ...columns)),
    element("tbody", {}, ...lines),
  );
}

function show(place) {
  state.place = Math.min(Math.max(place, 0), numbers.length - 1);
  const words = filled(text.n_colors_short, { n: format.whole(numbers[state.place]) });
  by("n-colors").value = state.place;
  by("n-colors").setAttribute("aria-valuetext", words);
  by("chosen").textContent = words;
  by("told").textContent = rows
    .map((row, i) =>
      filled(text.told, {
        dither: nameOf(dithers[i]),
        size: format.bytes(row[state.place].size_bytes),
        quality: format.tenths(row[state.place].ssimulacra2),
      }),
    )
    .join(" ");
  drawBoth();
  listFigures();
}

// Tell everything in the language that is chosen.
function tell() {
  by("title").textContent = document.title = filled(text.title, { name: data.name });
  const knees = rows.flat().filter((point) => point.is_knee);
  by("summary").textContent = knees.length
    ? knees.map((point) => filled(text.knee, { n: format.whole(point.n_colors), dither: nameOf(point.dither) })).join(" ")
    : text.no_knee;
  show(state.place);
}

by("n-colors").max = numbers.length - 1;
by("n-colors").addEventListener("input", () => show(Number(by("n-colors").value)));
document.addEventListener("keydown", (event) => {
  const steps = { ArrowLeft: -1, ArrowRight: 1 };
  if (!(event.key in steps) || event.target !== document.body) return;
  event.preventDefault();
  show(state.place + steps[event.key]);
});
offerLanguages(data.texts, data.lang, tell);
new ResizeObserver(drawBoth).observe(by("quality"));
