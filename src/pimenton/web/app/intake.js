// The ways in: files and folders that are dropped, pasted or chosen.
import { by } from "./words.js";

const ENDINGS = /\.(png|apng|jpe?g|jfif|gif|webp|avif|bmp|tiff?|heic|heif|ico|tga|ppm|pgm|pbm|jp2)$/i;
const isPicture = (file) => file.type.startsWith("image/") || ENDINGS.test(file.name);

const read = (entry) => new Promise((resolve, reject) => entry.file(resolve, reject));
const part = (reader) => new Promise((resolve, reject) => reader.readEntries(resolve, reject));

// A folder is read with all that is in it; only the pictures of it are taken.
async function found(entry, path = "") {
  if (entry.isFile) {
    const file = await read(entry);
    return path && !isPicture(file) ? [] : [{ file, path: path + file.name }];
  }
  const reader = entry.createReader();
  const all = [];
  // A reader gives up to a hundred entries at a time.
  for (let some = await part(reader); some.length; some = await part(reader)) all.push(...some);
  all.sort((a, b) => a.name.localeCompare(b.name));
  const inside = await Promise.all(all.map((one) => found(one, `${path}${entry.name}/`)));
  return inside.flat();
}

async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files].map((file) => ({ file, path: file.name }));
  return (await Promise.all(entries.map((entry) => found(entry)))).flat();
}

const chosen = (files) =>
  [...files]
    .filter((file) => !file.webkitRelativePath || isPicture(file))
    .map((file) => ({ file, path: file.webkitRelativePath || file.name }));

// `take` gets a list of files, each with its path.
export function connectIntake(take) {
  const target = by("target");
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  window.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    target.hidden = false;
  });
  window.addEventListener("dragleave", (event) => event.relatedTarget || (target.hidden = true));
  window.addEventListener("drop", async (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    target.hidden = true;
    take(await dropped(event.dataTransfer));
  });
  document.addEventListener("paste", (event) => take(chosen(event.clipboardData?.files ?? [])));
  for (const kind of ["files", "folder"]) {
    const input = by(`${kind}-input`);
    input.addEventListener("change", () => {
      take(chosen(input.files));
      input.value = "";
    });
    for (const button of document.querySelectorAll(`[data-choose=${kind}]`))
      button.addEventListener("click", () => input.click());
  }
}
