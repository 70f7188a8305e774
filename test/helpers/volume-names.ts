import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { localHost } from "../../src/lib/host/local-host.js";
import { runChecked } from "../../src/lib/host/run.js";

/**
 * Names of the logical volumes on a physical volume in a file, sorted, as LVM itself reads them. Needs root, and no device-mapper.
 * @param offset where the physical volume begins
 * @param folder for LVM's own files
 */
export async function volumeNamesIn(path: string, offset: number, folder: string): Promise<string> {
  const local = localHost();
  const attach = ["losetup", "--find", "--show", "--read-only", "--offset", `${offset}`, path];
  const device = (await runChecked(local, attach)).trim();
  try {
    const system = join(folder, "lvm");
    await mkdir(system, { recursive: true });
    const devices = `devices { use_devicesfile=0 filter=["a|^${device}$|", "r|.*|"] }`;
    await writeFile(join(system, "lvm.conf"), `${devices}\nglobal { locking_dir="${system}/locks" }\n`);
    const env = { LVM_SYSTEM_DIR: system, LVM_SUPPRESS_FD_WARNINGS: "1" };
    const argv = ["lvs", "--driverloaded", "n", "--readonly", "--noheadings", "-o", "lv_name"];
    return (await runChecked(local, argv, { env })).trim().split(/\s+/).sort().join(" ");
  } finally {
    await runChecked(local, ["losetup", "--detach", device]);
  }
}
