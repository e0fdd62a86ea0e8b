// Bundles the tests with the modules that they test, and runs them with node's own test runner. Arguments are its options.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const out = mkdtempSync(join(tmpdir(), "vaultstream-page-"));
const tests = readdirSync(here).filter((name) => name.endsWith(".test.mjs")).sort();
try {
  await build({
    absWorkingDir: here, entryPoints: tests, outdir: out, outExtension: { ".js": ".mjs" }, bundle: true, platform: "node", format: "esm", target: ["node20"], sourcemap: "inline", logLevel: "warning",
  });
  const files = tests.map((name) => join(out, name));
  // Times are told in the machine's zone: here it is one that is not the one of most machines.
  const run = spawnSync(process.execPath, ["--enable-source-maps", "--test", ...process.argv.slice(2), ...files], { stdio: "inherit", env: { ...process.env, TZ: "Asia/Kathmandu" } });
  process.exitCode = run.status ?? 1;
} finally {
  rmSync(out, { recursive: true, force: true });
}
