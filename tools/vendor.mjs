/**
 * Copies the built files of the npm packages into static/vendor/, which git ignores.
 * Run after `npm ci` as `npm run vendor`. Ends with 1 and a sentence when a package is missing.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const target = join(root, "static", "vendor");

const FILES = [
  ["socket.io-client/dist/socket.io.esm.min.js", "socket.io.esm.min.js"],
  ["uplot/dist/uPlot.esm.js", "uPlot.esm.js"],
  ["uplot/dist/uPlot.min.css", "uPlot.min.css"],
  ["katex/dist/katex.mjs", "katex/katex.mjs"],
  ["katex/dist/katex.min.css", "katex/katex.min.css"],
];

/** Formulas bring their own letters; every browser that can run the pages reads woff2. */
const FONTS = "katex/dist/fonts";

/** Only tests use these; an installation without development packages has none. */
const TEST_FILES = [["axe-core/axe.min.js", "axe.min.js"]];

/** Beside the copies, so that `tsc` reads the packages' own types. */
const TYPES = {
  "socket.io.esm.min.d.ts": 'export * from "socket.io-client";\n',
  "katex/katex.d.mts": 'import katex from "katex";\nexport default katex;\n',
  "uPlot.esm.d.ts": 'import uPlot from "uplot";\nexport default uPlot;\n',
};

const missing = FILES.filter(([from]) => !existsSync(join(root, "node_modules", from)));
if (missing.length > 0) {
  console.error(`Missing ${missing.map(([from]) => from).join(", ")}. Run "npm ci" first.`);
  process.exit(1);
}

mkdirSync(join(target, "katex", "fonts"), { recursive: true });
for (const [from, to] of [...FILES, ...TEST_FILES]) {
  const source = join(root, "node_modules", from);
  if (existsSync(source)) copyFileSync(source, join(target, to));
}
for (const name of readdirSync(join(root, "node_modules", FONTS))) {
  if (name.endsWith(".woff2")) {
    copyFileSync(join(root, "node_modules", FONTS, name), join(target, "katex", "fonts", name));
  }
}
for (const [name, text] of Object.entries(TYPES)) writeFileSync(join(target, name), text);
console.log(`Copied the browser libraries to ${target}`);
