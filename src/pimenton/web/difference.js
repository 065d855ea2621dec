// The difference of two pictures, pixel by pixel: the root of the mean squared difference of the
// channels, as in the figures, from black for none to white for as much as FULL levels or more.
import { fitCanvas } from "./stage.js";

const FULL = 64;
const RAMP = [[0, 0, 0], [88, 24, 40], [196, 60, 28], [255, 176, 32], [255, 255, 255]];

function rampColors() {
  return Uint32Array.from({ length: FULL + 1 }, (_, level) => {
    const at = (level / FULL) * (RAMP.length - 1);
    const low = Math.min(Math.floor(at), RAMP.length - 2);
    const part = at - low;
    const [r, g, b] = RAMP[low].map((value, c) => Math.round(value + (RAMP[low + 1][c] - value) * part));
    return (0xff000000 | (b << 16) | (g << 8) | r) >>> 0;
  });
}

export function createDifference(canvas, size) {
  const colors = rampColors();
  let shown = null;

  async function pixelsOf(image) {
    await image.decode();
    const sheet = new OffscreenCanvas(canvas.width, canvas.height);
    const context = sheet.getContext("2d", { willReadFrequently: true });
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    return context.getImageData(0, 0, canvas.width, canvas.height).data;
  }

  async function show(original, result) {
    if (shown === result) return;
    shown = result;
    fitCanvas(canvas, size);
    const [a, b] = [await pixelsOf(original), await pixelsOf(result)];
    if (shown !== result) return;
    const context = canvas.getContext("2d");
    const image = context.createImageData(canvas.width, canvas.height);
    const words = new Uint32Array(image.data.buffer);
    for (let i = 0, at = 0; i < words.length; i++, at += 4) {
      const dr = a[at] - b[at];
      const dg = a[at + 1] - b[at + 1];
      const db = a[at + 2] - b[at + 2];
      const error = Math.max(Math.sqrt((dr * dr + dg * dg + db * db) / 3), Math.abs(a[at + 3] - b[at + 3]));
      words[i] = colors[Math.min(Math.round(error), FULL)];
    }
    context.putImageData(image, 0, 0);
    canvas.dataset.drawn = result.alt;
  }

  return { show };
}
