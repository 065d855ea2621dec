// Writes each bundle as one script with its licence on top: src/pimenton/web/three.js, which sets the
// global THREE, and src/pimenton/web/app/zip.js, a module.
import { build } from "esbuild";
import { readFile } from "node:fs/promises";

const read = (path) => readFile(new URL(path, import.meta.url), "utf8");

async function bundle(entry, name, address, outfile, choices) {
  const { version } = JSON.parse(await read(`node_modules/${name}/package.json`));
  const licence = (await read(`node_modules/${name}/LICENSE`)).trim();
  await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    charset: "utf8",
    legalComments: "none",
    banner: { js: `/*! Parts of ${name === "three" ? "three.js" : name} ${version}, ${address}\n\n${licence}\n*/` },
    outfile: `../../src/pimenton/web/${outfile}`,
    ...choices,
  });
}

await bundle("three.js", "three", "https://threejs.org", "three.js", { format: "iife", globalName: "THREE" });
await bundle("zip.js", "fflate", "https://github.com/101arrowz/fflate", "app/zip.js", { format: "esm" });
