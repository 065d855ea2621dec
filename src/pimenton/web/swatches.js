// The palette of a result. Text is set as text, never as markup.
import { element, filled, format, text } from "./words.js";

// A strip of shares and a button for each color.
export function showPalette({ strip, colors }, result, byCount) {
  const n_pixels = result.counts.reduce((sum, count) => sum + count, 0);
  const order = result.palette.map((_, place) => place);
  if (byCount) order.sort((a, b) => result.counts[b] - result.counts[a]);
  const parts = order.map((place, i) => {
    const [hex, count] = [result.palette[place], result.counts[place]];
    const share = format.percent(count / n_pixels);
    const piece = element("span", { "data-place": place, title: `${hex} ${share} %` });
    piece.style.setProperty("--color", hex);
    piece.style.flexGrow = count;
    const label = filled(text.color_label, { hex, count: format.whole(count), share });
    const button = element(
      "button",
      { type: "button", class: "color", tabindex: i === 0 ? 0 : -1, "data-place": place, "aria-pressed": "false", "aria-label": label },
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

// Tell which color is chosen, in the strip or among the buttons. The tab key comes to one of these,
// the arrows go on from there.
export function connectPalette({ strip, colors }, chosen) {
  colors.addEventListener("keydown", (event) => {
    const buttons = [...colors.children];
    const at = buttons.indexOf(event.target);
    const n_columns = buttons.filter((button) => button.offsetTop === buttons[0].offsetTop).length;
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -n_columns, ArrowDown: n_columns, Home: -at, End: buttons.length - 1 - at };
    const next = buttons[at + steps[event.key]];
    if (at < 0 || event.shiftKey || !(event.key in steps)) return;
    event.preventDefault();
    if (!next) return;
    event.target.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });
  for (const root of [strip, colors])
    root.addEventListener("click", (event) => {
      const target = event.target.closest("[data-place]");
      if (target) chosen(Number(target.dataset.place));
    });
}
