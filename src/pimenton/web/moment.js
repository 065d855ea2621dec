// The picture as it is at one moment of the way: every pixel in its centroid's color.
function createMoment(canvas, image) {
  const { naturalWidth: width, naturalHeight: height } = image;
  canvas.width = width;
  canvas.height = height;
  // A small picture is enlarged: its pixels stay crisp.
  canvas.classList.toggle("crisp", Math.max(width, height) < 200);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  const original = context.getImageData(0, 0, width, height);
  const shown = context.createImageData(width, height);
  const words = new Uint32Array(shown.data.buffer);
  const labels = new Uint8Array(words.length);
  const before = new Uint8Array(words.length);
  const known = { centroids: null };

  function assign(centroids) {
    if (known.centroids === centroids) return;
    known.centroids = centroids;
    labelAll(original.data, 4, centroids, labels);
  }

  function countChanges(earlier) {
    labelAll(original.data, 4, earlier, before);
    let n = 0;
    for (let i = 0; i < labels.length; i++) if (labels[i] !== before[i]) n++;
    return n;
  }

  // Paint the original, or each pixel in the color of its label; of one label only, if one is chosen.
  function paint(fills, only = null) {
    if (fills === null) return context.putImageData(original, 0, 0);
    const dimmed = wordsOf(fills).map((word, j) => (only === null || j === only ? word : dim(word)));
    for (let i = 0; i < words.length; i++) words[i] = dimmed[labels[i]];
    context.putImageData(shown, 0, 0);
  }

  const labelAt = (x, y) => labels[Math.min(Math.floor(y * height), height - 1) * width + Math.min(Math.floor(x * width), width - 1)];
  return { original: original.data, assign, countChanges, paint, labelAt };
}

// Give each color, of so many bytes a piece, the number of its nearest centroid.
function labelAll(bytes, stride, centroids, labels) {
  const k = centroids.length / 3;
  for (let i = 0, at = 0; i < labels.length; i++, at += stride) {
    let best = 0;
    let least = Infinity;
    for (let j = 0, c = 0; j < k; j++, c += 3) {
      const dr = bytes[at] - centroids[c];
      const dg = bytes[at + 1] - centroids[c + 1];
      const db = bytes[at + 2] - centroids[c + 2];
      const distance = dr * dr + dg * dg + db * db;
      if (distance < least) {
        least = distance;
        best = j;
      }
    }
    labels[i] = best;
  }
}

const rounded = (centroids) => Uint8Array.from(centroids, (value) => Math.min(255, Math.round(value)));

const wordsOf = (fills) =>
  Array.from({ length: fills.length / 3 }, (_, j) =>
    (0xff000000 | (fills[3 * j + 2] << 16) | (fills[3 * j + 1] << 8) | fills[3 * j]) >>> 0,
  );

// An eighth of the color's brightness: seen, but out of the way.
const dim = (word) => (0xff000000 | ((word >>> 3) & 0x1f1f1f)) >>> 0;

// Points for the cloud: pixels spread evenly over the picture, in an order without rows.
function samplePixels(bytes, most) {
  const n = bytes.length / 4;
  const n_points = Math.min(n, most);
  const points = new Uint8Array(3 * n_points);
  for (let i = 0; i < n_points; i++) {
    const at = 4 * (n_points === n ? i : Math.floor(((i * 0.6180339887498949) % 1) * n));
    points.set(bytes.subarray(at, at + 3), 3 * i);
  }
  return points;
}
