import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { localHost } from "../../src/lib/host/local-host.js";
import { runChecked } from "../../src/lib/host/run.js";

/** Has something done with a loop device over a part of a file, which is read only. Needs root. */
export async function withLoop<T>(
  path: string,
  offset: number,
  size: number | undefined,
  work: (device: string) => Promise<T>,
): Promise<T> {
  const local = localHost();
  const limit = size === undefined ? [] : ["--sizelimit", `${size}`];
  const argv = ["losetup", "--find", "--show", "--read-only", "--offset", `${offset}`, ...limit, path];
  const device = (await runChecked(local, argv)).trim();
  try {
    return await work(device);
  } finally {
    await runChecked(local, ["losetup", "--detach", device]);
  }
}

/**
 * Names of the logical volumes on a physical volume in a file, sorted, as LVM itself reads them; no device-mapper is needed.
 * @param offset where the physical volume begins
 * @param folder for LVM's own files
 */
export function volumeNamesIn(path: string, offset: number, folder: string): Promise<string> {
  return withLoop(path, offset, undefined, async (device) => {
    const system = join(folder, "lvm");
    await mkdir(system, { recursive: true });
    const devices = `devices { use_devicesfile=0 filter=["a|^${device}$|", "r|.*|"] }`;
    await writeFile(join(system, "lvm.conf"), `${devices}\nglobal { locking_dir="${system}/locks" }\n`);
    const env = { LVM_SYSTEM_DIR: system, LVM_SUPPRESS_FD_WARNINGS: "1" };
    const argv = ["lvs", "--driverloaded", "n", "--readonly", "--noheadings", "-o", "lv_name"];
    return (await runChecked(localHost(), argv, { env })).trim().split(/\s+/).sort().join(" ");
  });
}
