import { RehomeError } from "../../../lib/errors.js";
import type { Host } from "../../../lib/host/types.js";
import { isStatic } from "../initramfs/compose.js";

const PATH = "/bin/busybox";

/** The target's busybox, for an initramfs. @throws RehomeError tool-missing when there is none that needs no libraries */
export async function staticBusybox(host: Host): Promise<Buffer> {
  const present = await host.run(["test", "-e", PATH]);
  const program = present.exitCode === 0 ? await host.readFile(PATH) : undefined;
  if (program !== undefined && isStatic(program)) return program;
  throw new RehomeError("tool-missing", "the target has no static busybox to make an initramfs with", {
    machine: host.name,
    path: PATH,
    remedy: "apt-get install busybox-static on the target",
  });
}
