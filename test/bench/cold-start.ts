import { spawnSync } from "node:child_process";
import { rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const TIMES = 15;

/** What is measured is what is installed: the built rehome. */
export function build(): void {
  run("npm", ["run", "--silent", "build"]);
}

/** `rehome --version` as it is installed (built, with its manifest) against a node that does nothing: medians. */
export async function coldStart(): Promise<{ readonly rehomeMs: number; readonly nodeMs: number }> {
  run("npx", ["--no-install", "oclif", "manifest"]);
  try {
    const rehome: number[] = [];
    const node: number[] = [];
    for (let time = 0; time < TIMES; time += 1) {
      node.push(run(process.execPath, ["-e", "0"]));
      rehome.push(run("bin/run.js", ["--version"]));
    }
    return { rehomeMs: median(rehome), nodeMs: median(node) };
  } finally {
    await rm(`${ROOT}/oclif.manifest.json`, { force: true }); // a stale one would hide new commands
  }
}

function run(program: string, args: readonly string[]): number {
  const begun = performance.now();
  const { status, stderr } = spawnSync(program, args, { cwd: ROOT, encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${String(status)}: ${stderr}`);
  return performance.now() - begun;
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}
