/**
 * npm run bench [-- SIZE]: stages the same pair of images through rehome, rsync, nbdcopy and qemu-img, side by side, over
 * the same SSH server on loopback: a full copy, then 1 % of the blocks changed. Then the cold start of the command.
 */
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseSize } from "../../src/lib/units.js";
import { firstDifference } from "../helpers/random-disk.js";
import { startSshd } from "../helpers/sshd.js";
import { stagingFixture } from "../helpers/staging.js";
import { build, coldStart } from "./cold-start.js";
import { change, makeImage } from "./images.js";
import { dropFromCache, measure, ownNetwork } from "./measure.js";
import { programs, sshdPid, type Program } from "./programs.js";
import { printTable, type Row } from "./table.js";

if (!ownNetwork && process.getuid?.() === 0) process.exit(runInOwnNetwork());
if (!ownNetwork)
  console.log("bytes on the wire are left out: counting them takes a network namespace, and that takes root");

const size = parseSize(process.argv[2] ?? "1G");
const folder = await mkdtemp(join(tmpdir(), "rehome-bench-"));
const sshd = await startSshd();
try {
  build();
  const source = join(folder, "sda");
  await makeImage(source, size);
  const contenders = programs(await stagingFixture({ sizes: [size], folder }), sshd).filter(isInstalled);
  printTable(`full copy of ${size / 2 ** 20} MiB, 60 % used`, await all(contenders, "full"), undefined);
  const changed = await change(source, size, 0.01);
  const title = `1 % of the 4-KiB blocks changed, ${(changed / 2 ** 20).toFixed(1)} MiB`;
  printTable(title, await all(contenders, "delta"), changed);
} finally {
  await sshd.stop();
  await rm(folder, { recursive: true, force: true });
}
const { rehomeMs, nodeMs } = await coldStart();
console.log(
  `\ncold start: rehome --version ${rehomeMs.toFixed(0)} ms, node -e 0 ${nodeMs.toFixed(0)} ms: ${(rehomeMs / nodeMs).toFixed(2)} ×`,
);

async function all(contenders: readonly Program[], what: "full" | "delta"): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const program of contenders) {
    const copiesAll = what === "delta" && program.delta === undefined;
    if (what === "full" || copiesAll) await rm(program.target, { force: true });
    else dropFromCache(program.target);
    dropFromCache(join(folder, "sda"));
    const argv = (what === "delta" ? program.delta : undefined) ?? program.full;
    const cost = await measure(argv, program.target, sshdPid(sshd));
    const different = await firstDifference(join(folder, "sda"), program.target);
    if (different !== undefined) throw new Error(`${program.name}: the copy differs at byte ${different}`);
    rows.push({ name: program.name, copiesAll, ...cost });
  }
  return rows;
}

function isInstalled({ name, tools }: Program): boolean {
  const missing = tools.filter((tool) => spawnSync("sh", ["-c", 'command -v "$1"', "sh", tool]).status !== 0);
  if (missing.length > 0) console.log(`${name} is left out: ${missing.join(", ")} is not installed`);
  return missing.length === 0;
}

/** In a network namespace of our own, all that passes over loopback is ours. */
function runInOwnNetwork(): number {
  const bench = [process.execPath, "--import", "tsx", fileURLToPath(import.meta.url), ...process.argv.slice(2)];
  const argv = ["--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", ...bench];
  const env = { ...process.env, REHOME_BENCH_NETNS: "1" };
  return spawnSync("unshare", argv, { stdio: "inherit", env }).status ?? 1;
}
