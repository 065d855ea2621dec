// The picture's points in the color space, with the centroids and the paths they took, drawn by
// three.js. Red goes right, green up, blue to the back; the cube's middle is the origin.
const placed = (r, g, b) => [r / 255 - 0.5, g / 255 - 0.5, 0.5 - b / 255];
const CORNERS = {
  black: [0, 0, 0],
  red: [255, 0, 0],
  green: [0, 255, 0],
  blue: [0, 0, 255],
  white: [255, 255, 255],
};
// Pairs of corners that differ in one channel.
const EDGES = [0, 1, 2].flatMap((axis) =>
  [0, 255].flatMap((u) => [0, 255].map((v) => [0, 255].map((end) => [u, v].toSpliced(axis, 0, end)))),
);
const FIRST_VIEW = [-1.16, 0.9, 2.65];
// Of an edge of the cube.
const POINT_SIZE = 0.019;
const CENTROID_SIZE = 0.125;

function placedAll(levels, places = new Float32Array(levels.length)) {
  for (let i = 0; i < levels.length; i += 3) places.set(placed(levels[i], levels[i + 1], levels[i + 2]), i);
  return places;
}

// A round mark facing the eye; colors are written as they are, without any light.
const VERTEX = `
  uniform float size;
  attribute vec3 fill;
  varying vec3 shown;
  void main() {
    shown = fill;
    vec4 seen = modelViewMatrix * vec4(position, 1.0);
    gl_Position = projectionMatrix * seen;
    gl_PointSize = size * projectionMatrix[1][1] / -seen.z;
  }`;
const POINT = `
  varying vec3 shown;
  void main() {
    float away = length(gl_PointCoord - 0.5);
    if (away > 0.5) discard;
    gl_FragColor = vec4(shown * (away > 0.38 ? 0.85 : 1.0), 1.0);
  }`;
const CENTROID = `
  varying vec3 shown;
  void main() {
    float away = length(gl_PointCoord - 0.5);
    if (away > 0.5) discard;
    vec3 color = away < 0.35 ? shown : vec3(away < 0.455 ? 1.0 : 0.0);
    gl_FragColor = vec4(color, 1.0);
  }`;

function createMarks(places, fragmentShader, size, choices = {}) {
  const geometry = new THREE.BufferGeometry();
  const n = places.length / 3;
  geometry.setAttribute("position", new THREE.BufferAttribute(places, 3));
  geometry.setAttribute("fill", new THREE.BufferAttribute(new Uint8Array(3 * n), 3, true));
  const material = new THREE.ShaderMaterial({
    vertexShader: VERTEX,
    fragmentShader,
    uniforms: { size: { value: size } },
    ...choices,
  });
  const marks = new THREE.Points(geometry, material);
  marks.frustumCulled = false;
  return marks;
}

function createLines(color, linewidth, choices = {}) {
  const geometry = new THREE.LineSegmentsGeometry();
  const lines = new THREE.LineSegments2(geometry, new THREE.LineMaterial({ color, linewidth, ...choices }));
  lines.frustumCulled = false;
  return lines;
}

function createCloud(root, points, n_centroids) {
  const renderer = new THREE.WebGLRenderer({ antialias: true, alpha: true });
  const scene = new THREE.Scene();
  const camera = new THREE.PerspectiveCamera(34, 1, 0.1, 20);
  const cloud = createMarks(placedAll(points), POINT, 1);
  const marks = createMarks(new Float32Array(3 * n_centroids), CENTROID, 1, { depthTest: false });
  const onTop = { depthTest: false, transparent: true };
  const paths = [createLines(0x000000, 4.5, onTop), createLines(0xffffff, 2, onTop)];
  const cube = createLines(0x8a8a8a, 1);
  cube.geometry.setPositions(placedAll(EDGES.flat(2)));
  [cube, cloud, ...paths, marks].forEach((part, order) => {
    part.renderOrder = order;
    scene.add(part);
  });
  const labels = Object.keys(CORNERS).map((name) => {
    const label = element("span", { class: `corner ${name}`, "data-text": `corner_${name}` }, text[`corner_${name}`]);
    return [label, new THREE.Vector3(...placed(...CORNERS[name])).multiplyScalar(1.1)];
  });
  root.append(renderer.domElement, ...labels.map(([label]) => label));
  camera.position.set(...FIRST_VIEW);
  const controls = new THREE.OrbitControls(camera, renderer.domElement);
  Object.assign(controls, { enablePan: false, enableZoom: false, minDistance: 1, maxDistance: 8, autoRotateSpeed: 1.2 });
  controls.target.set(0, -0.035, 0);
  renderer.domElement.style.touchAction = "pan-y";
  let waiting = false;

  function render() {
    waiting = false;
    if (controls.autoRotate) controls.update();
    renderer.render(scene, camera);
    const { clientWidth: width, clientHeight: height } = root;
    for (const [label, corner] of labels) {
      const at = corner.clone().project(camera);
      const [x, y] = [((at.x + 1) / 2) * width, ((1 - at.y) / 2) * height];
      label.style.transform = `translate(-50%, -50%) translate(${x.toFixed(1)}px, ${y.toFixed(1)}px)`;
    }
    root.dataset.view = camera.position.toArray().map((value) => value.toFixed(3)).join(" ");
    if (controls.autoRotate) ask();
  }

  function ask() {
    if (!waiting) requestAnimationFrame(render);
    waiting = true;
  }

  function resize() {
    const { clientWidth: width, clientHeight: height } = root;
    const density = Math.min(window.devicePixelRatio || 1, 2);
    renderer.setPixelRatio(density);
    renderer.setSize(width, height);
    camera.aspect = width / height;
    // The cube stays whole in a view that is higher than wide.
    camera.fov = 34 * Math.max(1, 0.6 / camera.aspect + 0.4);
    camera.updateProjectionMatrix();
    cloud.material.uniforms.size.value = POINT_SIZE * density * height * 0.5;
    marks.material.uniforms.size.value = CENTROID_SIZE * density * height * 0.5;
    ask();
  }

  function draw({ colors, centroids, fills, path }) {
    cloud.geometry.attributes.fill.array.set(colors);
    cloud.geometry.attributes.fill.needsUpdate = true;
    marks.visible = centroids !== null;
    for (const line of paths) line.visible = path.length > 0;
    if (centroids) {
      const { position, fill } = marks.geometry.attributes;
      placedAll(centroids, position.array);
      fill.array.set(fills);
      position.needsUpdate = fill.needsUpdate = true;
    }
    if (path.length)
      for (const line of paths) {
        line.geometry.dispose();
        line.geometry = new THREE.LineSegmentsGeometry();
        line.geometry.setPositions(placedAll(path));
      }
    ask();
  }

  function turn(across, up) {
    const sideways = new THREE.Vector3(camera.position.z, 0, -camera.position.x).normalize();
    const turned = camera.position.clone().applyAxisAngle(sideways, -up);
    if (Math.abs(turned.y) < 0.98 * turned.length()) camera.position.copy(turned);
    camera.position.applyAxisAngle(new THREE.Vector3(0, 1, 0), across);
    controls.update();
  }

  function zoom(factor) {
    const length = Math.min(Math.max(camera.position.length() * factor, controls.minDistance), controls.maxDistance);
    camera.position.setLength(length);
    controls.update();
  }

  // A wheel over the cloud scrolls the page, as everywhere, until the cloud was taken hold of.
  root.addEventListener("focusin", () => (controls.enableZoom = true));
  root.addEventListener("focusout", () => (controls.enableZoom = false));
  root.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "touch") controls.enableZoom = true;
    else root.focus({ preventScroll: true });
    spin(false);
  });

  function spin(on) {
    controls.autoRotate = on;
    ask();
  }

  controls.addEventListener("change", ask);
  controls.update();
  new ResizeObserver(resize).observe(root);
  resize();
  return { draw, turn, zoom, spin };
}
