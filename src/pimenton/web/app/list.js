// The list of pictures: each with its saving, and all of them together.
import { by, element, filled, format, press, text } from "./words.js";

const THUMB = 96;

export const shareOf = ({ blob, result }) => result.blob.size / blob.size - 1;

// A share with its sign, as people read a saving.
export function signed(share) {
  const percent = format.tenths(100 * Math.abs(share));
  return `${share > 0 ? "+" : share < 0 ? "−" : ""}${percent} %`;
}

export function createList({ choose, save, remove }) {
  const rows = new Map();

  function make(item) {
    const thumb = element("canvas", { class: "thumb", width: THUMB, height: THUMB, "aria-hidden": "true" });
    const parts = {
      thumb,
      name: element("span", { class: "name" }),
      folder: element("span", { class: "folder" }),
      sizes: element("span", { class: "sizes" }),
      saving: element("span", { class: "saved" }),
    };
    const button = element("button", { type: "button", class: "picture" }, thumb, element("span", { class: "names" }, parts.name, parts.folder), parts.sizes, parts.saving);
    button.addEventListener("click", () => choose(item));
    const own = { save: element("button", { type: "button", class: "icon save" }), remove: element("button", { type: "button", class: "icon remove" }) };
    own.save.addEventListener("click", () => save(item));
    own.remove.addEventListener("click", () => remove(item));
    const root = element("li", {}, button, own.save, own.remove);
    paintThumb(thumb, item.blob);
    return { root, button, ...parts, own };
  }

  function update(item, selected) {
    const row = rows.get(item);
    const { result, problem } = item;
    press(row.button, selected);
    row.name.textContent = item.name;
    row.folder.textContent = problem ? problem.message : item.path.split("/").slice(0, -1).join("/");
    const [before, after] = [item.blob, result?.blob].map((blob) => blob && format.bytes(blob.size));
    row.sizes.textContent = result && !problem ? `${before} → ${after}` : before;
    row.saving.textContent = stateOf(item);
    row.root.className = problem ? "failed" : item.working || !result ? "working" : "done";
    row.own.save.disabled = !result;
    for (const kind of ["save", "remove"]) {
      row.own[kind].setAttribute("aria-label", filled(text[`${kind}_one`], { name: item.name }));
      row.own[kind].title = text[kind];
    }
  }

  // Show these, in their order.
  function show(items, selected) {
    for (const item of [...rows.keys()]) if (!items.includes(item)) rows.get(item).root.remove(), rows.delete(item);
    for (const item of items) {
      if (!rows.has(item)) rows.set(item, make(item)), by("list").append(rows.get(item).root);
      update(item, item === selected);
    }
    showTotal(items);
  }

  return { show, update: (item, selected, items) => rows.has(item) && (update(item, selected), showTotal(items)) };
}

function stateOf(item) {
  const { result, problem, working, waiting } = item;
  if (problem) return text.failed;
  if (waiting) return text.waiting;
  if (!result || working) return text.working;
  return result.kept ? text.kept : signed(shareOf(item));
}

function showTotal(items) {
  const done = items.filter((item) => item.result && !item.problem && !item.working);
  const sum = (sizes) => sizes.reduce((all, size) => all + size, 0);
  const [before, after] = [sum(done.map((item) => item.blob.size)), sum(done.map((item) => item.result.blob.size))];
  const told = done.length < items.length ? text.total_some : text.total;
  by("total").textContent = done.length
    ? filled(told, { done: done.length, n: items.length, before: format.bytes(before), after: format.bytes(after), saving: signed(after / before - 1) })
    : filled(text.total_none, { n: items.length });
  by("download-all").disabled = !done.length;
}

// The middle of a picture, as large as it fits.
async function paintThumb(canvas, blob) {
  try {
    const picture = await createImageBitmap(blob, { resizeQuality: "medium" });
    const side = Math.min(picture.width, picture.height);
    const [x, y] = [(picture.width - side) / 2, (picture.height - side) / 2];
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(picture, x, y, side, side, 0, 0, THUMB, THUMB);
    picture.close();
  } catch {
    canvas.classList.add("blank");
  }
}
