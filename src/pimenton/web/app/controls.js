// The controls, made from what the service says can be chosen. A choice that is the service's own
// default is not sent, so that what is automatic stays so.
import { by, element, press, text } from "./words.js";

// What is aimed at, and with which of the choices.
const AIMS = { quality: ["quality", "max_colors"], size: ["max_bytes", "max_colors"], colors: ["n_colors"] };
const AIMED = new Set(Object.values(AIMS).flat());
// Always at hand, in this order; all others are behind "More".
const AT_HAND = ["dither", "palette", "format"];
// Locks belong to one picture: they are made in its palette.
const ELSEWHERE = ["lock"];
// Where the page begins. What it aims at by itself is what the service aims at.
const START = { quality: "80", max_colors: "256", n_colors: "64", max_bytes: "100000", best_possible: "true" };
const RANGES = { quality: { min: 0, step: 1 }, max_colors: { min: 2 }, n_colors: { min: 2 } };

export function createControls({ options, formats, palettes }, changed) {
  const fields = new Map(options.map((field) => [field.name, field]));
  fields.set("format", { name: "format", type: "string", choices: formats, default: null });
  fields.set("palette", { ...fields.get("palette"), type: "string", choices: Object.keys(palettes) });
  const state = { aim: "quality", values: {} };

  const startOf = ({ name, default: value }) => START[name] ?? (value === null ? "" : String(value));
  const valueOf = (field) => state.values[field.name] ?? startOf(field);
  const isNew = () => state.aim !== "quality" || Object.keys(state.values).length > 0;

  function set(name, value) {
    state.values[name] = value;
    by("reset").hidden = !isNew();
    changed();
  }

  // The choices as the service reads them; `lock` are one picture's own.
  function query(lock = []) {
    const chosen = new URLSearchParams();
    for (const field of fields.values()) {
      const { name } = field;
      if (AIMED.has(name) && !AIMS[state.aim].includes(name)) continue;
      // What is aimed at is said, unless it is where the page begins.
      const isSaid = name === AIMS[state.aim][0] && name !== "quality";
      const value = valueOf(field);
      const own = field.default === null ? "" : String(field.default);
      const automatic = name === "quality" && !("quality" in state.values);
      if (value !== "" && !automatic && (isSaid || value !== own)) chosen.set(name, value);
    }
    if (lock.length) chosen.set("lock", lock.join(","));
    return chosen.toString();
  }

  function show() {
    const controlOf = (name) => control(fields.get(name), valueOf(fields.get(name)), (value) => set(name, value), palettes);
    const aims = element("div", { class: "choices aims", role: "group", "aria-label": text.aim });
    for (const aim of Object.keys(AIMS)) {
      const button = element("button", { type: "button", "data-aim": aim }, text[`aim_${aim}`]);
      press(button, state.aim === aim);
      button.addEventListener("click", () => {
        state.aim = aim;
        show();
        by("main-controls").querySelector(`[data-aim=${aim}]`).focus();
        changed();
      });
      aims.append(button);
    }
    by("main-controls").replaceChildren(aims, ...[...AIMS[state.aim], ...AT_HAND].map(controlOf));
    const others = [...fields.keys()].filter((name) => ![...AIMED, ...AT_HAND, ...ELSEWHERE].includes(name));
    by("more-controls").replaceChildren(...others.map(controlOf));
    by("reset").hidden = !isNew();
  }

  by("reset").addEventListener("click", () => {
    Object.assign(state, { aim: "quality", values: {} });
    show();
    changed();
  });
  by("controls").addEventListener("submit", (event) => event.preventDefault());
  return {
    query,
    show,
    state: () => state,
    take: (kept) => Object.assign(state, kept),
  };
}

const labelOf = (field) => text[`option_${field.name}`] ?? field.help.replace(/\.$/, "");

function control(field, value, changed, palettes) {
  const id = `option-${field.name}`;
  const label = element("label", { for: id }, labelOf(field));
  const row = (...parts) => element("div", { class: "control", "data-option": field.name }, label, ...parts);
  if (field.type === "boolean" && field.default !== null) {
    const box = element("input", { type: "checkbox", id });
    box.checked = value === "true";
    box.addEventListener("change", () => changed(String(box.checked)));
    return element("div", { class: "control check", "data-option": field.name }, box, label);
  }
  const choices = field.type === "boolean" ? ["true", "false"] : field.choices;
  if (choices) return row(selection(id, field, choices, value, changed, palettes));
  if (field.name === "max_bytes") return row(size(id, value, changed));
  return row(...number(id, field, value, changed));
}

const naming = (field, choice) => text[`${field.name}_${choice}`] ?? text[`choice_${choice}`] ?? choice;

function selection(id, field, choices, value, changed, palettes) {
  const select = element("select", { id });
  if (field.default === null)
    select.append(element("option", { value: "" }, text[`automatic_${field.name}`] ?? text.automatic));
  for (const choice of choices) {
    const n = field.name === "palette" ? ` (${palettes[choice].length})` : "";
    select.append(element("option", { value: choice }, naming(field, choice) + n));
  }
  select.value = value;
  select.addEventListener("change", () => changed(select.value));
  return select;
}

// A slider where there are few steps, and a field to write the number in.
function number(id, { name, type, limits }, value, changed) {
  const [low, high] = limits;
  const { min = low, step = type === "integer" ? 1 : 0.05 } = RANGES[name] ?? {};
  const slides = high - min <= 255;
  const written = element("input", { type: "number", min: low, max: high, step: type === "integer" ? 1 : "any", value });
  const write = (text) => written.checkValidity() && text !== "" && changed(text);
  written.addEventListener("change", () => write(written.value));
  if (!slides) return written.setAttribute("id", id), [written];
  const slider = element("input", { type: "range", id, min, max: high, step, value });
  written.setAttribute("aria-label", text.exact);
  slider.addEventListener("input", () => {
    written.value = slider.value;
    changed(slider.value);
  });
  written.addEventListener("change", () => (slider.value = written.value));
  return [slider, written];
}

function size(id, value, changed) {
  const field = element("input", { type: "number", id, min: 0.1, step: "any", value: Number(value) / 1000 });
  field.addEventListener("change", () => field.checkValidity() && field.value && changed(String(Math.round(1000 * field.value))));
  return element("span", { class: "unit" }, field, element("span", {}, "kB"));
}
