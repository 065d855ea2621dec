// What is told of the pictures below them: figures and errors. Text is set as text, never as markup.
// Figures: a row each, a column a picture; rows that no picture has are left out.
function showFigures(table) {
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
    ["ssimulacra2", some(format.tenths)],
    ["ssim", some(format.fine)],
    ["ciede2000", some(format.hundredths)],
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

// How many pixels have which error, as bars.
function drawErrors(root, { width, shares }) {
  const most = Math.max(...shares);
  const unit = (value) => `${format.significant(Number((100 * value).toPrecision(3)))} %`;
  const end = shares.length * width;
  const axes = {
    label: `${text.errors}: ${shares.map((share, i) => `${i * width}: ${unit(share)}`).join("; ")}`,
    x: { label: text.errors_levels, ticks: ticks(0, end, 6, 1).filter((x) => x <= end), range: [0, end], format: format.whole },
    y: { label: text.errors_pixels, ticks: ticks(0, most, 4), format: unit },
  };
  drawChart(root, axes, (x, y) =>
    shares.map((share, i) => {
      const [left, right] = [x(i * width), x((i + 1) * width)];
      const bar = drawn("rect", { class: "bar", x: left + 0.5, width: Math.max(right - left - 1, 0.5), y: y(share), height: y(0) - y(share) });
      bar.append(drawn("title", {}, `${i * width}–${(i + 1) * width}: ${unit(share)}`));
      return bar;
    }),
  );
}
