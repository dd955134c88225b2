// Hace con `src/` un solo archivo, sin nada que pedir fuera, y a su lado las licencias de lo que
// lleva dentro: `npm --prefix browser run build`.
import { build } from "esbuild";
import { readFile, writeFile } from "node:fs/promises";

const folder = process.argv[2] ?? "../src/fashion_bench/browser";

const { dependencies } = JSON.parse(await readFile("package.json"));

const { metafile } = await build({
  bundle: true,
  charset: "utf8",
  define: { ENGINE: JSON.stringify(`jax-js ${dependencies["@jax-js/jax"]}`) },
  entryPoints: ["src/index.js"],
  format: "esm",
  legalComments: "none",
  loader: { ".css": "text" },
  metafile: true,
  minify: true,
  outfile: `${folder}/gpu.js`,
  target: "es2022",
});

const packages = new Set();
for (const path of Object.keys(metafile.inputs)) {
  packages.add(path.match(/^node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1]);
}
packages.delete(undefined);

const licences = [...packages].sort().map(async (name) => {
  const { version } = JSON.parse(await readFile(`node_modules/${name}/package.json`));
  return `${name} ${version}\n\n${await readFile(`node_modules/${name}/LICENSE`, "utf8")}`;
});
await writeFile(`${folder}/LICENCIAS.txt`, (await Promise.all(licences)).join("\n"));
