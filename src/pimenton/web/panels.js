// The panels beside the pictures: palette and figures. Text is set as text, never as markup.
// Palette: a strip of shares and a button for each color.
function showPalette({ strip, colors }, result, byCount) {
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
