// The picture that is looked at: original and result on the stage, its figures, its palette.
import { shareOf, signed } from "./list.js";
import { connectPalette, showPalette } from "./swatches.js";
import { createViewer } from "./viewer.js";
import { by, element, filled, format, press, text } from "./words.js";

const madeOf = (item) => item.preview ?? item.result;

export function createShown({ next, locked, copied }) {
  const size = { width: 4, height: 3 };
  const state = { item: null, made: null, original: null, result: null, color: null, byCount: true, n: 0, busy: false, wanted: null };
  const swatches = { strip: by("strip"), colors: by("colors") };
  const [originals, results] = [document.querySelector("#stage .layer.original"), document.querySelector("#stage .layer.result")];
  const viewer = createViewer(size, {
    original: () => state.original ?? state.result,
    result: () => state.result,
    keys: { n: () => next(1), p: () => next(-1), escape: () => choose(null) },
  });

  async function pictureOf(blob, alt) {
    const image = element("img", { alt, draggable: "false", src: URL.createObjectURL(blob) });
    try {
      await image.decode();
      return image;
    } catch {
      URL.revokeObjectURL(image.src);
      return null;
    }
  }

  function put(layer, image) {
    const [old] = layer.getElementsByTagName("img");
    if (old === image) return;
    if (old) URL.revokeObjectURL(old.src), old.remove();
    if (image) layer.prepend(image);
  }

  // Show a picture, and what has been made of it so far. What comes while images are decoded is
  // shown after that.
  async function show(item) {
    state.wanted = item;
    if (state.busy) return;
    state.busy = true;
    while (state.wanted && (state.item !== state.wanted || state.made !== madeOf(state.item))) await showNow(state.wanted);
    state.busy = false;
    tell();
  }

  async function showNow(item) {
    const isOther = state.item !== item;
    const made = madeOf(item);
    const original = isOther ? await pictureOf(item.blob, item.name) : state.original;
    const name = `${text.result} ${(state.n += 1)}`;
    const result = await pictureOf(made ? (made.shown ?? made.blob) : item.blob, name);
    Object.assign(state, { item, made, original, result: result ?? original, color: isOther ? null : state.color });
    // An original that the browser cannot show has its result in its place.
    put(originals, original ?? result?.cloneNode());
    put(results, result);
    const seen = original ?? result;
    by("stage").classList.toggle("blank", !seen);
    const [width, height] = [seen?.naturalWidth || 4, seen?.naturalHeight || 3];
    if (isOther || width !== size.width || height !== size.height) {
      Object.assign(size, { width, height });
      viewer.take();
    }
    if (seen) viewer.changed();
    light();
  }

  function light() {
    const { palette } = state.item.result ?? {};
    const place = palette?.indexOf(state.color) ?? -1;
    if (place < 0) state.color = null;
    // A preview has other colors than the result whose palette is listed.
    viewer.light(palette ?? [], state.item.preview || place < 0 ? null : place);
  }

  function choose(color) {
    if (!state.item) return;
    state.color = color;
    light();
    tellPalette();
  }

  function tell() {
    const { item } = state;
    if (!item) return;
    const { problem } = item;
    by("name").textContent = item.name;
    by("result-name").textContent = item.preview ? text.preview : item.result ? text.result : item.working ? text.working : text.failed;
    by("busy").hidden = !item.working;
    by("problem").hidden = !problem;
    by("problem").textContent = problem ? `${item.name}: ${problem.message}` : "";
    tellFigures(item);
    by("download").toggleAttribute("aria-disabled", !item.result);
    tellPalette();
    viewer.tell();
  }

  function tellPalette() {
    const { item, color, byCount } = state;
    const { palette, counts, kept } = item.result ?? {};
    document.querySelector(".palette").classList.toggle("many", !palette);
    by("order").hidden = !palette || palette.length < 2;
    by("palette-note").textContent = palette
      ? filled(text.palette_note, { n: palette.length })
      : kept ? text.palette_kept : text.palette_none;
    for (const image of [state.original, state.result])
      image?.classList.toggle("translucent", palette?.some((hex) => hex.length > 7) ?? false);
    by("chosen").hidden = color === null;
    by("unlock").hidden = item.locks.every((one) => one === color);
    by("unlock").textContent = filled(text.unlock_all, { n: item.locks.length });
    if (!palette) return;
    const before = document.activeElement?.closest("#colors button")?.dataset.place;
    showPalette(swatches, item.result, byCount);
    const { colors } = swatches;
    for (const button of colors.children) {
      const hex = palette[button.dataset.place];
      press(button, hex === color);
      button.classList.toggle("locked", item.locks.includes(hex));
      if (button.dataset.place !== before) continue;
      colors.querySelector("[tabindex='0']").tabIndex = -1;
      button.tabIndex = 0;
      button.focus({ preventScroll: true });
    }
    if (color === null) return;
    const place = palette.indexOf(color);
    const n_pixels = counts.reduce((sum, count) => sum + count, 0);
    by("palette-note").textContent = filled(text.palette_chosen, {
      hex: color, count: format.whole(counts[place]), share: format.percent(counts[place] / n_pixels),
    });
    const isLocked = item.locks.includes(color);
    press(by("lock"), isLocked);
    by("lock").textContent = isLocked ? text.unlock : text.lock;
  }

  connectPalette(swatches, (place) => {
    const hex = state.item.result.palette[place];
    choose(hex === state.color ? null : hex);
  });
  by("lock").addEventListener("click", () => locked(state.item, state.color));
  by("copy").addEventListener("click", () => copied(state.color));
  for (const kind of ["palette", "count"])
    by(`order-${kind}`).addEventListener("click", () => {
      state.byCount = kind === "count";
      for (const other of ["palette", "count"]) press(by(`order-${other}`), other === kind);
      tellPalette();
    });
  return { show, tell, item: () => state.item, forget: () => Object.assign(state, { item: null, wanted: null }) };
}

// Bytes, colors and score; the saving is what is read first.
function tellFigures(item) {
  const made = madeOf(item);
  const input = format.bytes(item.blob.size);
  by("saving").textContent = made ? signed(shareOf({ blob: item.blob, result: made })) : "";
  by("saving").classList.toggle("preview", Boolean(item.preview));
  if (!made) return (by("figures").textContent = input);
  const score = made.quality === null ? null : filled(made.reached ? text.score : text.score_missed, { score: format.tenths(made.quality) });
  by("figures").textContent = [
    `${input} → ${format.bytes(made.blob.size)}`,
    `${format.whole(made.width)} × ${format.whole(made.height)}`,
    made.kept ? text.kept_told : filled(text.n_colors_short, { n: made.n_colors }),
    made.kept ? null : score,
  ].filter(Boolean).join(" · ");
}
