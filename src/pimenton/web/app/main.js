// The page of the service: pictures come in, are made small at once, and go out.
import { createControls } from "./controls.js";
import { connectIntake } from "./intake.js";
import * as kept from "./kept.js";
import { createList } from "./list.js";
import { nameOf, packed, save } from "./saving.js";
import * as service from "./service.js";
import { createShown } from "./shown.js";
import { createWork } from "./work.js";
import { by, element, filled, press, speak, text } from "./words.js";

const { texts } = JSON.parse(by("data").textContent);
const state = { items: [], selected: null, lang: "en" };

async function begin() {
  const wished = navigator.languages.map((one) => one.slice(0, 2)).find((one) => one in texts);
  const lang = (await kept.kept("lang")) ?? wished ?? "en";
  service.line.told = tellGone;
  for (const button of by("languages").children) button.addEventListener("click", () => say(button.lang));
  speak(texts, lang, () => {});
  state.lang = lang;
  const known = await service.options();
  const parts = connect(known);
  Object.assign(state, parts);
  for (const format of known.palette_formats) by("palette-format").append(element("option", { value: format }, `.${format}`));
  state.controls.take((await kept.kept("choices")) ?? {});
  state.items = (await kept.pictures()).map((item) => ({ ...item, preview: null, problem: null }));
  const last = await kept.kept("selected");
  say(lang);
  connectIntake(take);
  select(state.items.find((item) => item.id === last) ?? state.items[0] ?? null);
  document.body.classList.add("ready");
}

function connect(known) {
  const list = createList({ choose: select, save: saveOne, remove });
  const shown = createShown({ next, locked, copied });
  const controls = createControls(known, () => {
    kept.keep("choices", controls.state());
    work.refresh();
  });
  const work = createWork({
    pictures: () => (state.selected ? [state.selected, ...state.items.filter((item) => item !== state.selected)] : state.items),
    queryOf: (item) => controls.query(item.locks),
    changed: update,
  });
  by("clear").addEventListener("click", () => [...state.items].forEach(remove));
  by("download").addEventListener("click", (event) => (event.preventDefault(), saveOne(state.selected)));
  by("download-all").addEventListener("click", saveAll);
  by("explain").addEventListener("click", explain);
  by("export").addEventListener("click", exportPalette);
  by("unlock").addEventListener("click", () => locked(state.selected, null));
  return { list, shown, controls, work };
}

// Say everything in a language.
function say(lang) {
  state.lang = lang;
  kept.keep("lang", lang);
  speak(texts, lang, () => {
    by("stays").textContent = filled(text.stays, { host: location.host });
    state.controls.show();
    state.list.show(state.items, state.selected);
    state.shown.tell();
    tellGone(service.line.gone);
  });
}

function tellGone(gone) {
  by("gone").hidden = !gone;
  by("gone").textContent = gone ? text.gone : "";
}

// Pictures have come in.
function take(files) {
  const items = files.map(({ file, path }, i) => ({
    id: `${Date.now()}-${String(i).padStart(6, "0")}-${Math.random().toString(36).slice(2)}`,
    name: path.split("/").at(-1), path, blob: file, locks: [], result: null, preview: null, problem: null,
  }));
  if (!items.length) return;
  state.items.push(...items);
  for (const item of items) kept.keepPicture(item);
  select(state.selected ?? items[0]);
}

function select(item) {
  state.selected = item;
  document.body.classList.toggle("empty", item === null);
  state.list.show(state.items, item);
  if (item) state.shown.show(item);
  else state.shown.forget();
  if (item) kept.keep("selected", item.id);
  state.work.refresh();
}

function next(way) {
  const { items, selected } = state;
  if (items.length) select(items[(items.indexOf(selected) + way + items.length) % items.length]);
}

function remove(item) {
  const at = state.items.indexOf(item);
  state.items.splice(at, 1);
  kept.forgetPicture(item.id);
  select(item === state.selected ? (state.items[at] ?? state.items[at - 1] ?? null) : state.selected);
}

// A picture has something new; when a result is complete it is kept.
function update(item, ended = false) {
  if (ended && item.result && !item.preview) kept.keepPicture(item);
  state.list.update(item, item === state.selected, state.items);
  if (item === state.selected) state.shown.show(item);
}

// Keep a color, or let it go again; without a color, let all go.
function locked(item, color) {
  item.locks = color === null ? [] : item.locks.includes(color) ? item.locks.filter((one) => one !== color) : [...item.locks, color];
  kept.keepPicture(item);
  state.shown.tell();
  state.work.refresh();
}

async function copied(color) {
  const field = element("textarea", { class: "hidden" });
  try {
    await navigator.clipboard.writeText(color);
  } catch {
    // Without TLS only this machine's own pages have a clipboard.
    field.value = color;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
  by("copy").textContent = text.copied;
  setTimeout(() => (by("copy").textContent = text.copy), 1500);
}

function saveOne(item) {
  if (item?.result) save(item.result.blob, nameOf(item));
}

async function saveAll() {
  const done = state.items.filter((item) => item.result && !item.problem);
  save(await packed(done), "pimenton.zip");
}

// What is asked for by a button: it cannot be asked for twice, and says what goes wrong.
async function asked(button, act) {
  button.disabled = true;
  try {
    await act();
  } catch (error) {
    by("problem").hidden = false;
    by("problem").textContent = error.message;
  }
  button.disabled = false;
}

// The window is opened at once, as browsers allow only then, and led to the page when it is made.
function explain() {
  const { selected } = state;
  const opened = window.open("", "_blank");
  return asked(by("explain"), async () => {
    try {
      const address = await service.explanation(selected.blob, state.lang);
      if (opened) opened.location = address;
      else location.assign(address);
    } catch (error) {
      opened?.close();
      throw error;
    }
  });
}

function exportPalette() {
  const { selected } = state;
  const format = by("palette-format").value;
  return asked(by("export"), async () => {
    const file = await service.paletteFile(selected.result.blob, format);
    save(file, `${nameOf(selected).replace(/\.[^.]+$/, "")}.${format}`);
  });
}

begin();
