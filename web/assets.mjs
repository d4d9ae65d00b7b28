// Copies the browser libraries that npm fetched into web/static/vendor, from
// where the Go build embeds them. `make build` runs it after `npm ci`.
import { copyFileSync, mkdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const web = dirname(fileURLToPath(import.meta.url));
const modules = join(web, "..", "node_modules");
const vendor = join(web, "static", "vendor");

const files = [
  ["htmx.org/dist/htmx.min.js", "htmx.min.js"],
  ["htmx.org/LICENSE", "htmx.LICENSE.txt"],
  ["uplot/dist/uPlot.iife.min.js", "uplot.min.js"],
  ["uplot/dist/uPlot.min.css", "uplot.min.css"],
  ["uplot/LICENSE", "uplot.LICENSE.txt"],
];

mkdirSync(vendor, { recursive: true });
for (const [from, to] of files) {
  try {
    copyFileSync(join(modules, from), join(vendor, to));
  } catch (err) {
    console.error(`web/assets.mjs: node_modules/${from} is missing; run \`npm ci\` first (${err.code})`);
    process.exit(1);
  }
  console.log(`web/static/vendor/${to} ${statSync(join(vendor, to)).size} bytes`);
}
