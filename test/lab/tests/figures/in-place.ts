import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localHost } from "../../../../src/lib/host/local-host.js";
import { runChecked } from "../../../../src/lib/host/run.js";
import { libguestfsEnv } from "../../../helpers/accelerator.js";
import type { Machine } from "../../machine/machine.js";

const PORT = 10809;
const PID_FILE = "/run/figures-nbd.pid";
/** Argument: the file with its id, which it leaves behind. */
const STOP = 'pid=$(cat "$1") && kill "$pid" && while kill -0 "$pid" 2>/dev/null; do sleep 0.2; done; rm -f "$1"';
const LIMIT = { timeoutMs: 30 * 60_000 };

/**
 * Converts a copy with virt-v2v-in-place where rehome converts, on the machine that rehome runs on: over an overlay of the
 * volume, which is then written to it. The volume is reached by NBD without any encryption. virt-v2v installs no boot
 * loader on a disk that has none.
 * @returns what virt-v2v said when it refused the guest
 */
export async function convertInPlace(
  target: Machine,
  device: string,
  log: (line: string) => void,
): Promise<string | undefined> {
  const host = localHost();
  const folder = await mkdtemp(join(tmpdir(), "rehome-v2v-"));
  const overlay = join(folder, "overlay.qcow2");
  await target.check([
    ...["qemu-nbd", "--fork", "--persistent", `--bind=${target.address()}`, `--port=${PORT}`, `--pid-file=${PID_FILE}`],
    ...["--format=raw", "--cache=none", "--aio=native", device],
  ]);
  try {
    const volume = `nbd://${target.address()}:${PORT}`;
    await runChecked(host, ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", volume, overlay], LIMIT);
    const argv = ["virt-v2v-in-place", "-i", "disk", "-if", "qcow2", overlay];
    const { exitCode, stdout, stderr } = await host.run(argv, { ...LIMIT, env: await libguestfsEnv() });
    for (const line of stdout.split("\n").filter((text) => text.startsWith("["))) log(`  virt-v2v-in-place: ${line}`);
    for (const line of stderr.split("\n").filter((text) => text !== "")) log(`  ${line}`);
    if (exitCode !== 0) return stderr.trim().split("\n")[0] ?? `it ended with ${exitCode}`;
    await runChecked(host, ["qemu-img", "commit", "-q", overlay], LIMIT);
    return undefined;
  } finally {
    await target.check(["sh", "-c", STOP, "sh", PID_FILE]);
    await rm(folder, { recursive: true });
  }
}
