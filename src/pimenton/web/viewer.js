// Original and result on one stage: slider, flicker, difference, zoom, the pixels of one color, and
// the keys for all of these.
import { createDifference } from "./difference.js";
import { createStage, createVeil } from "./stage.js";
import { by, connectHold, filled, format, press, rgbaOf, text } from "./words.js";

// `size` may change; `take` is told of it. `original` and `result` give the images that are shown,
// `keys` what further keys do.
export function createViewer(size, { original, result, keys = {} }) {
  const state = { view: "slider", zoom: 1 };
  const veil = createVeil(by("veil"), size);
  const difference = createDifference(by("difference"), size);
  const showZoom = () => (by("zoom").textContent = `${format.whole(100 * state.zoom)} %`);
  const stage = createStage(by("stage"), size, {
    describe: (original, result) => filled(text.divider_value, { original, result }),
    changed(view) {
      state.zoom = view.zoom;
      showZoom();
      press(by("zoom-fit"), view.fits);
      press(by("zoom-actual"), view.zoom === 1);
    },
  });

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
    if (differs) difference.show(original(), result());
  }

  function hold(held) {
    press(by("hold"), held);
    showDifference(held);
    stage.show({ original: held });
  }

  function light(palette, place) {
    if (place === null) veil.clear();
    else veil.light(result(), palette.map(rgbaOf), place);
  }

  const toggleDifference = () => setView(state.view === "difference" ? "slider" : "difference");
  connectView(stage, setView);
  connectHold(by("hold"), hold);
  connectKeys(stage, { d: toggleDifference, ...keys }, hold);
  return {
    light,
    setView,
    view: () => state.view,
    take: stage.take,
    changed: () => showDifference(),
    tell() {
      stage.divide();
      showZoom();
    },
  };
}

function connectView(stage, setView) {
  for (const view of ["slider", "flicker", "difference"])
    by(`view-${view}`).addEventListener("click", () => setView(view));
  by("zoom-in").addEventListener("click", () => stage.step(1));
  by("zoom-out").addEventListener("click", () => stage.step(-1));
  by("zoom-fit").addEventListener("click", () => stage.fit());
  by("zoom-actual").addEventListener("click", () => stage.zoomTo(1));
}

// Where letters and digits are written, they are no commands.
const isWritten = (target) => target.matches("select, textarea, input:not([type=range])");

function connectKeys(stage, more, hold) {
  const arrows = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  const keys = {
    f: () => hold(true),
    "+": () => stage.step(1),
    "=": () => stage.step(1),
    "-": () => stage.step(-1),
    0: () => stage.fit(),
    1: () => stage.zoomTo(1),
    ...more,
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isWritten(event.target)) return;
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
