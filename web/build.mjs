// Writes the live page, one file with its style and its script: `node build.mjs`. With --check it writes nothing, and fails when the file is another.

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const LIMIT = 300_000;
const here = new URL(".", import.meta.url);
const target = new URL("../crates/page/assets/ui.html", here);
const path = (name) => fileURLToPath(new URL(name, here));

execFileSync(process.execPath, [path("node_modules/typescript/bin/tsc"), "--project", path("tsconfig.json")], { stdio: "inherit" });

/** A bundle as text. Licences come whole, in front of the page. */
async function bundle(entry) {
  const result = await build({
    absWorkingDir: path("."), entryPoints: [entry], bundle: true, minify: true, write: false, format: "iife", target: ["es2022"], charset: "utf8", legalComments: "none", logLevel: "warning",
  });
  return result.outputFiles[0].text.trim();
}

const [script, style] = [await bundle("src/main.ts"), await bundle("src/page.css")];
// A browser ends or changes an element at these, whatever stands around them.
for (const [name, text, marks] of [["script", script, /<\/script|<!--/i], ["style", style, /<\/style|<!--/i]]) {
  if (marks.test(text)) throw new Error(`the ${name} has a mark that ends it`);
}
// Text becomes text nodes, scripts are not made of text, and nothing is kept: these have no place in the page.
const unsafe = /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|srcdoc|\beval\(|\bFunction\(|localStorage|sessionStorage|indexedDB|\.cookie/.exec(script);
if (unsafe !== null) throw new Error(`the script has ${unsafe[0]}`);
const licence = readFileSync(path("node_modules/uplot/LICENSE"), "utf8").trim();
if (licence.includes("--")) throw new Error("the licence does not fit into a comment");

const put = (page, mark, text) => {
  const parts = page.split(mark);
  if (parts.length !== 2) throw new Error(`page.html has ${mark} ${parts.length - 1} times`);
  return parts.join(text);
};
let page = readFileSync(path("src/page.html"), "utf8");
page = put(page, "<!DOCTYPE html>\n", `<!DOCTYPE html>\n<!-- Made by web/build.mjs. It has in it uPlot:\n${licence}\n-->\n`);
page = put(page, "<style></style>", `<style>${style}</style>`);
page = put(page, "<script></script>", `<script>${script}</script>`);
// Nothing is loaded from elsewhere, so nothing names another place.
const elsewhere = /https?:\/\/[^\s"'`]*/.exec(page);
if (elsewhere !== null) throw new Error(`the page names ${elsewhere[0]}`);

const bytes = Buffer.from(page);
if (bytes.length > LIMIT) throw new Error(`the page has ${bytes.length} bytes, more than ${LIMIT}`);
if (process.argv.includes("--check")) {
  if (!readFileSync(target).equals(bytes)) throw new Error("crates/page/assets/ui.html is not what web/ makes: run node build.mjs in web/");
} else {
  mkdirSync(new URL(".", target), { recursive: true });
  writeFileSync(target, bytes);
}
console.log(`${fileURLToPath(target)}: ${bytes.length} bytes`);
