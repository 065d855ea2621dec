// Writes src/pimenton/web/three.js: one script that sets the global THREE, its licence on top.
import { build } from "esbuild";
import { readFile } from "node:fs/promises";

const read = (path) => readFile(new URL(path, import.meta.url), "utf8");
const { version } = JSON.parse(await read("node_modules/three/package.json"));
const licence = (await read("node_modules/three/LICENSE")).trim();

await build({
  entryPoints: ["parts.js"],
  bundle: true,
  minify: true,
  charset: "utf8",
  format: "iife",
  globalName: "THREE",
  legalComments: "none",
  banner: { js: `/*! Parts of three.js ${version}, https://threejs.org\n\n${licence}\n*/` },
  outfile: "../../src/pimenton/web/three.js",
});
