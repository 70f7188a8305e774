import { localHost } from "../../src/lib/host/local-host.js";
import { runChecked } from "../../src/lib/host/run.js";

/** Makes a qcow2 file that keeps what is written to a raw image. @param backing as QEMU names it: a path, or an export */
export async function makeOverlay(backing: string, path: string): Promise<void> {
  await runChecked(localHost(), ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", backing, path]);
}
