// The work on the pictures: a preview of the one that is looked at, then the better results, that
// one's first. What the choices have made outdated is broken off.
import { Refusal, compress, paletteOf } from "./service.js";

// Results that are asked for at a time; the service has a queue, but other people too.
const N_LANES = 2;
// A preview that takes longer gives way to a newer one; a shorter one is shown while a control moves.
const PREVIEW_MILLISECONDS = 300;
const MOST_COLORS = 256;
// What browsers show by themselves.
const SHOWN = new Set(["image/png", "image/gif", "image/webp", "image/bmp", "image/jpeg", "image/avif"]);

// `pictures` gives all of them, that which is looked at first; `queryOf` the choices for one;
// `changed` is told of a picture that has something new.
export function createWork({ pictures, queryOf, changed }) {
  const running = new Map();
  const isDone = (item) => [item.result, item.problem].some((end) => end?.query === queryOf(item));

  function start(item, preview) {
    const query = queryOf(item);
    const job = { query, preview, control: new AbortController(), since: performance.now() };
    running.set(item, job);
    run(item, job)
      .catch((error) => {
        if (job.control.signal.aborted) return;
        item.problem = { query, message: error instanceof Refusal ? error.message : String(error) };
      })
      .finally(() => {
        if (running.get(item) !== job) return;
        end(item);
        changed(item, true);
        refresh();
      });
  }

  async function run(item, { query, preview, control }) {
    const ways = {
      signal: control.signal,
      waiting: (waiting) => ((item.waiting = waiting), changed(item)),
    };
    const made = await compress(item.blob, preview ? `${query}&preview=true` : query, ways);
    if (!preview) await complete(item, made, query, ways);
    control.signal.throwIfAborted();
    item.problem = null;
    Object.assign(item, preview ? { preview: { ...made, query } } : { result: { ...made, query }, preview: null });
  }

  function end(item) {
    running.delete(item);
    item.waiting = false;
    item.working = !isDone(item);
  }

  // Break off what is outdated, and begin what is missing.
  function refresh() {
    const all = pictures();
    for (const [item, job] of running) {
      const runs = job.preview && performance.now() - job.since < PREVIEW_MILLISECONDS;
      if (all.includes(item) && (job.query === queryOf(item) || runs)) continue;
      job.control.abort();
      end(item);
    }
    for (const item of all) {
      if (item.working === !isDone(item)) continue;
      item.working = !isDone(item);
      changed(item);
    }
    const [first] = all;
    if (first && !running.has(first) && !isDone(first) && first.preview?.query !== queryOf(first)) start(first, true);
    // The preview has the machine for itself.
    if ([...running.values()].some((job) => job.preview)) return;
    for (const item of all) {
      if (running.size >= N_LANES) return;
      if (!running.has(item) && !isDone(item)) start(item, false);
    }
  }

  return { refresh };
}

// Choices that ask for more than few bytes: a larger result is wanted all the same.
const ASKED = ["format", "n_colors", "palette", "lock", "depth"];

// What a result needs to be shown: its palette, and its picture in a format that browsers know. An
// original that is smaller than what was made of it is kept, and may have any number of colors.
async function complete(item, made, query, ways) {
  const { type } = made.blob;
  const choices = new URLSearchParams(query);
  made.kept ||= made.blob.size >= item.blob.size && !ASKED.some((name) => choices.has(name));
  if (made.kept) made.blob = item.blob;
  if (!made.kept || (await hasFewColors(item.blob))) Object.assign(made, await paletteOf(made.blob, ways.signal));
  if (SHOWN.has(type) || made.kept) return;
  choices.set("format", "png");
  made.shown = (await compress(item.blob, choices, ways)).blob;
}

async function hasFewColors(blob) {
  const picture = await createImageBitmap(blob).catch(() => null);
  if (!picture) return false;
  const context = new OffscreenCanvas(picture.width, picture.height).getContext("2d");
  context.drawImage(picture, 0, 0);
  const colors = new Set();
  for (const word of new Uint32Array(context.getImageData(0, 0, picture.width, picture.height).data.buffer))
    if (colors.add(word).size > MOST_COLORS) return false;
  return true;
}
