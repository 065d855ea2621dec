// The same points where there is no WebGL: a picture from one side, drawn anew at each step.
const SIDE = [0.55, 0.3];

function createFlatCloud(root, points, n_centroids) {
  const canvas = element("canvas", { class: "flat" });
  root.append(canvas);
  const context = canvas.getContext("2d");
  const [across, up] = SIDE;
  let last = null;

  // Turned around the vertical axis, then tipped towards the eye; what is near covers what is far.
  function seenFrom(r, g, b) {
    const [x, y, z] = placed(r, g, b);
    const [turned, near] = [x * Math.cos(across) + z * Math.sin(across), z * Math.cos(across) - x * Math.sin(across)];
    const scale = Math.min(canvas.width, canvas.height) * 0.6;
    return [
      canvas.width / 2 + turned * scale,
      canvas.height / 2 - (y * Math.cos(up) - near * Math.sin(up)) * scale,
      near * Math.cos(up) + y * Math.sin(up),
    ];
  }

  function mark([x, y], radius, color) {
    context.fillStyle = color;
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fill();
  }

  function lines(segments, width, color) {
    context.lineWidth = width;
    context.strokeStyle = color;
    context.beginPath();
    for (const [from, to] of segments) {
      context.moveTo(from[0], from[1]);
      context.lineTo(to[0], to[1]);
    }
    context.stroke();
  }

  function draw(scene) {
    last = scene;
    const { colors, centroids, fills, path } = scene;
    const unit = Math.min(canvas.width, canvas.height) / 400;
    context.clearRect(0, 0, canvas.width, canvas.height);
    lines(EDGES.map((edge) => edge.map((corner) => seenFrom(...corner))), unit, "#8a8a8a");
    const seen = Array.from({ length: points.length / 3 }, (_, i) => [i, seenFrom(...points.subarray(3 * i, 3 * i + 3))]);
    seen.sort((a, b) => a[1][2] - b[1][2]);
    for (const [i, at] of seen) mark(at, 2 * unit, `rgb(${colors.subarray(3 * i, 3 * i + 3).join(",")})`);
    const ends = Array.from({ length: path.length / 3 }, (_, i) => seenFrom(...path.slice(3 * i, 3 * i + 3)));
    const segments = Array.from({ length: ends.length / 2 }, (_, i) => [ends[2 * i], ends[2 * i + 1]]);
    lines(segments, 4.5 * unit, "#000000");
    lines(segments, 2 * unit, "#ffffff");
    for (let j = 0; centroids && j < n_centroids; j++) {
      const at = seenFrom(...centroids.slice(3 * j, 3 * j + 3));
      mark(at, 10 * unit, "#000000");
      mark(at, 9 * unit, "#ffffff");
      mark(at, 6.5 * unit, `rgb(${fills.slice(3 * j, 3 * j + 3).join(",")})`);
    }
    root.dataset.view = "flat";
  }

  function resize() {
    const density = window.devicePixelRatio || 1;
    canvas.width = Math.max(1, Math.round(root.clientWidth * density));
    canvas.height = Math.max(1, Math.round(root.clientHeight * density));
    if (last) draw(last);
  }

  new ResizeObserver(resize).observe(root);
  resize();
  const stays = () => {};
  return { draw, turn: stays, zoom: stays, spin: stays };
}
