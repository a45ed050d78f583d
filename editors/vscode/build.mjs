// Bundles the extension into dist/, with the licences of the packages that are bundled with it.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const { metafile } = await build({
  entryPoints: ["src/extension.ts"],
  outfile: "dist/extension.js",
  bundle: true,
  platform: "node",
  format: "cjs",
  target: "node20",
  external: ["vscode"],
  metafile: true,
  logLevel: "warning",
});

const directories = new Set();
for (const input of Object.keys(metafile.inputs)) {
  const [, directory] = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input) ?? [];
  if (directory !== undefined) directories.add(directory);
}
const notices = [...directories].sort().map((directory) => {
  const { name, version } = JSON.parse(readFileSync(`${directory}/package.json`, "utf8"));
  const licence = readdirSync(directory).find((file) => /^licen[cs]e/i.test(file));
  if (licence === undefined) throw new Error(`${name} has no licence file`);
  return `${name} ${version}\n\n${readFileSync(`${directory}/${licence}`, "utf8").trim()}\n`;
});
writeFileSync("dist/THIRD_PARTY_LICENSES.txt", notices.join(`\n${"-".repeat(78)}\n\n`));
