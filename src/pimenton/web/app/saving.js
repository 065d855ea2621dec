// Results as files: one, or all in an archive that keeps the folders.
import { Zip, ZipPassThrough } from "./zip.js";
import { element } from "./words.js";

const ENDINGS = { "image/png": "png", "image/gif": "gif", "image/webp": "webp", "image/tiff": "tiff", "image/bmp": "bmp", "image/jpeg": "jpg", "image/avif": "avif" };

export function save(blob, name) {
  const address = URL.createObjectURL(blob);
  element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

// The path of a result: that of its picture, with the ending of what it is.
export function pathOf({ path, result }) {
  const ending = ENDINGS[result.blob.type];
  if (result.kept || !ending) return path;
  const own = path.match(/\.([^./]+)$/)?.[1].toLowerCase();
  const isSame = { jpeg: "jpg", tif: "tiff", apng: "png" }[own] ?? own;
  return isSame === ending ? path : `${path.replace(/\.[^./]+$/, "")}.${ending}`;
}

export const nameOf = (item) => pathOf(item).split("/").at(-1);

// No two entries of an archive have one name, nor two that differ in case alone.
export function ownPaths(items) {
  const taken = new Set();
  return items.map((item) => {
    const path = pathOf(item);
    let own = path;
    for (let n = 2; taken.has(own.toLowerCase()); n++) own = path.replace(/(\.[^./]+)?$/, `-${n}$1`);
    taken.add(own.toLowerCase());
    return own;
  });
}

// Pictures are small already, so they are only put together, one after the other.
export async function packed(items) {
  const parts = [];
  const archive = new Zip((error, chunk) => {
    if (error) throw error;
    parts.push(chunk);
  });
  const paths = ownPaths(items);
  for (const [i, item] of items.entries()) {
    const entry = new ZipPassThrough(paths[i]);
    archive.add(entry);
    entry.push(new Uint8Array(await item.result.blob.arrayBuffer()), true);
  }
  archive.end();
  return new Blob(parts, { type: "application/zip" });
}
