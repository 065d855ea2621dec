// The panels beside the pictures: palette, figures, curve. Text is set as text, never as markup.
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const filled = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

function createFormats(language) {
  const number = (digits) =>
    new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const [whole, tenths, hundredths] = [number(0), number(1), number(2)];
  const significant = new Intl.NumberFormat(language, { maximumSignificantDigits: 5 });
  return {
    whole: (value) => whole.format(value),
    hundredths: (value) => hundredths.format(value),
    significant: (value) => significant.format(value),
    percent: (part) => (part < 0.0995 ? hundredths : tenths).format(100 * part),
    bytes(size) {
      if (size < 1000) return `${whole.format(size)} B`;
      const unit = size < 999_950 ? ["kB", 1e3] : ["MB", 1e6];
      return `${tenths.format(size / unit[1])} ${unit[0]}`;
    },
  };
}

const rgbaOf = (hex) =>
  [1, 3, 5, 7].map((i) => (i < hex.length ? parseInt(hex.slice(i, i + 2), 16) : 255));

// Palette: a strip of shares and a button for each color.
function showPalette({ strip, colors }, result, { text, format, byCount }) {
  const n_pixels = result.counts.reduce((sum, count) => sum + count, 0);
  const order = result.palette.map((_, place) => place);
  if (byCount) order.sort((a, b) => result.counts[b] - result.counts[a]);
  const parts = order.map((place) => {
    const [hex, count] = [result.palette[place], result.counts[place]];
    const share = format.percent(count / n_pixels);
    const piece = element("span", { "data-place": place, title: `${hex} ${share} %` });
    piece.style.setProperty("--color", hex);
    piece.style.flexGrow = count;
    const label = filled(text.color_label, { hex, count: format.whole(count), share });
    const button = element(
      "button",
      { type: "button", class: "color", "data-place": place, "aria-pressed": "false", "aria-label": label },
      element("span", { class: "swatch" }),
      element("code", {}, hex),
      element("span", { class: "count" }, format.whole(count)),
      element("span", { class: "share" }, `${share} %`),
    );
    button.style.setProperty("--color", hex);
    return [piece, button];
  });
  strip.replaceChildren(...parts.map(([piece]) => piece));
  colors.replaceChildren(...parts.map(([, button]) => button));
}

// Figures: a row each, a column a picture; rows that no picture has are left out.
function showFigures(table, data, { text, format }) {
  const pictures = [data.original, ...data.results];
  const size = data.original.size_bytes;
  const some = (show) => (value) => (value === undefined || value === null ? null : show(value));
  const rows = [
    ["file_size", some(format.bytes), "size_bytes"],
    ["share_of_original", some((bytes) => size && `${format.percent(bytes / size)} %`), "size_bytes"],
    ["dimensions", () => `${format.whole(data.width)} × ${format.whole(data.height)}`],
    ["n_colors", format.whole],
    ["bits_per_pixel", some(format.hundredths)],
    ["mse", some(format.hundredths)],
    ["psnr", (psnr, picture) => psnr ? `${format.hundredths(psnr)} dB` : picture.mse === 0 ? text.identical : null],
    ["inertia", some(format.significant)],
    ["n_iter", some(format.whole)],
    ["elapsed_seconds", some((seconds) => `${format.hundredths(seconds)} s`)],
  ];
  const cells = rows.map(([name, show, key = name]) => [
    text[name],
    ...pictures.map((picture, i) =>
      name === "share_of_original" && i === 0 ? null : show(picture[key], picture),
    ),
  ]);
  const names = [text.original, ...data.results.map((result) => (data.results.length > 1 ? result.name : text.result))];
  const corner = element("th", { scope: "col" }, element("span", { class: "hidden" }, text.figure));
  table.replaceChildren(
    element("thead", {}, element("tr", {}, corner, ...names.map((name) => element("th", { scope: "col" }, name)))),
    element(
      "tbody",
      {},
      ...cells
        .filter((row) => row.slice(1).some((cell) => cell))
        .map(([name, ...values]) =>
          element("tr", {}, element("th", { scope: "row" }, name), ...values.map((value) => element("td", {}, value || "–"))),
        ),
    ),
  );
}

// Curve: inertia by iteration, redrawn for the width it has, so that its text keeps its size.
const SVG = "http://www.w3.org/2000/svg";

function drawn(name, attributes, text = "") {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

function ticks(low, high, most, least = 0) {
  const rough = Math.max((high - low) / most, least, Number.MIN_VALUE);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.999 && (!least || s % 1 === 0));
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
}

function drawCurve(root, history, { text, format }) {
  const [width, height] = [Math.max(root.clientWidth, 240), 260];
  const margin = { left: 58, right: 16, top: 30, bottom: 44 };
  const yTicks = ticks(Math.min(...history), Math.max(...history), 4);
  const [low, high] = [yTicks[0], yTicks.at(-1)];
  const xTicks = ticks(1, history.length, width / 90, 1).filter((i) => i >= 1 && i <= history.length);
  const x = (i) => margin.left + ((i - 1) / (history.length - 1)) * (width - margin.left - margin.right);
  const y = (value) => height - margin.bottom - ((value - low) / (high - low)) * (height - margin.top - margin.bottom);
  const label = `${text.convergence}: ${history.map(format.significant).join("; ")}`;
  const svg = drawn("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
  for (const value of yTicks)
    svg.append(
      drawn("line", { class: "grid", x1: margin.left, x2: width - margin.right, y1: y(value), y2: y(value) }),
      drawn("text", { x: margin.left - 8, y: y(value) + 4, "text-anchor": "end" }, format.significant(value)),
    );
  for (const i of [...new Set([1, ...xTicks])])
    svg.append(drawn("text", { x: x(i), y: height - margin.bottom + 18, "text-anchor": "middle" }, format.whole(i)));
  svg.append(
    drawn("text", { class: "axis", x: 0, y: 14 }, text.inertia),
    drawn("text", { class: "axis", x: (margin.left + width - margin.right) / 2, y: height - 6, "text-anchor": "middle" }, text.iteration),
    drawn("polyline", { points: history.map((value, i) => `${x(i + 1)},${y(value)}`).join(" ") }),
  );
  history.forEach((value, i) => {
    const point = drawn("circle", { cx: x(i + 1), cy: y(value), r: history.length > 60 ? 2 : 3.5 });
    point.append(drawn("title", {}, `${text.iteration} ${i + 1}: ${format.significant(value)}`));
    svg.append(point);
  });
  root.replaceChildren(svg);
}
