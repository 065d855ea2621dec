// Charts as SVG, redrawn for the width they have, so that their text keeps its size.
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

// An axis has a label, ticks, the format of their numbers, and whether it is logarithmic.
function scaleOf({ ticks, range, log }, from, to) {
  const [low, high] = range ?? [ticks[0], ticks.at(-1)];
  const along = log ? Math.log : (value) => value;
  const length = along(high) - along(low) || 1;
  return (value) => from + ((along(value) - along(low)) / length) * (to - from);
}

// Axes, grid and labels; `plot` draws inside them with the two scales.
function drawChart(root, { x, y, label, height = 260 }, plot) {
  const width = Math.max(root.clientWidth, 240);
  const margin = { left: 58, right: 16, top: 30, bottom: 44 };
  const [right, bottom] = [width - margin.right, height - margin.bottom];
  const across = scaleOf(x, margin.left, right);
  const up = scaleOf(y, bottom, margin.top);
  const svg = drawn("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
  for (const value of y.ticks)
    svg.append(
      drawn("line", { class: "grid", x1: margin.left, x2: right, y1: up(value), y2: up(value) }),
      drawn("text", { x: margin.left - 8, y: up(value) + 4, "text-anchor": "end" }, y.format(value)),
    );
  for (const value of x.ticks)
    svg.append(drawn("text", { x: across(value), y: bottom + 18, "text-anchor": "middle" }, x.format(value)));
  svg.append(
    drawn("text", { class: "axis", x: 0, y: 14 }, y.label),
    drawn("text", { class: "axis", x: (margin.left + right) / 2, y: height - 6, "text-anchor": "middle" }, x.label),
  );
  svg.append(...plot(across, up, { top: margin.top, bottom }));
  root.replaceChildren(svg);
}

const lineThrough = (points, name = "") =>
  drawn("polyline", { class: name, points: points.map((point) => point.join(",")).join(" ") });

// A mark that is named when it is pointed at.
function dot(cx, cy, title, attributes = {}) {
  const made = drawn("circle", { cx, cy, r: 3.5, ...attributes });
  made.append(drawn("title", {}, title));
  return made;
}

// Inertia by iteration; `now` is the iteration that is being looked at.
function drawHistory(root, history, now = null) {
  const yTicks = ticks(Math.min(...history), Math.max(...history), 4);
  const n = history.length;
  const xTicks = ticks(1, n, Math.max(root.clientWidth, 240) / 90, 1).filter((i) => i > 1 && i <= n);
  const axes = {
    label: `${text.convergence}: ${history.map(format.significant).join("; ")}`,
    x: { label: text.iteration, ticks: [1, ...xTicks], range: [1, n], format: format.whole },
    y: { label: text.inertia, ticks: yTicks, format: format.significant },
  };
  const title = (i) => `${text.iteration} ${i}: ${format.significant(history[i - 1])}`;
  drawChart(root, axes, (x, y, { top, bottom }) => {
    const shapes = [lineThrough(history.map((value, i) => [x(i + 1), y(value)]))];
    if (n <= 60) shapes.push(...history.map((value, i) => dot(x(i + 1), y(value), title(i + 1))));
    if (now !== null)
      shapes.push(
        drawn("line", { class: "cursor", x1: x(now), x2: x(now), y1: top, y2: bottom }),
        dot(x(now), y(history[now - 1]), title(now), { class: "now", r: 6 }),
      );
    return shapes;
  });
}
