import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localHost } from "../../src/lib/host/local-host.js";

/** A libvirt of its own, in a mount namespace: it and the machine's own one, if any, know nothing of each other. */
export interface PrivateLibvirt {
  readonly uri: string;
  close(): Promise<void>;
}

const SCRIPT = `set -e
d=$1
mkdir -p "$d/sock" /run/libvirt /var/lib/libvirt /var/cache/libvirt
for f in /run/libvirt /var/lib/libvirt /var/cache/libvirt; do mount -t tmpfs tmpfs $f; done
mount --bind "$d/qemu.conf" /etc/libvirt/qemu.conf
virtlogd -d -p "$d/virtlogd.pid"
exec libvirtd -f "$d/libvirtd.conf" -p "$d/libvirtd.pid"
`;

const lines = (...text: string[]): string => `${text.join("\n")}\n`;

/** What libvirt does for guests beyond starting them needs more of a machine than a test may ask for. */
export const QEMU_CONF = lines(
  ...['security_driver = "none"', 'user = "root"', 'group = "root"'],
  ...["cgroup_controllers = []", "namespaces = []", "remember_owner = 0"],
);

const START_MS = 60_000;

/** Needs root. Guests that still run when it is closed are destroyed. */
export async function privateLibvirt(): Promise<PrivateLibvirt> {
  const folder = await mkdtemp(join(tmpdir(), "rehome-libvirt-"));
  await writeFile(join(folder, "qemu.conf"), QEMU_CONF);
  await writeFile(
    join(folder, "libvirtd.conf"),
    lines(`unix_sock_dir = "${folder}/sock"`, 'auth_unix_rw = "none"', 'auth_unix_ro = "none"'),
  );
  const daemon = spawn("unshare", ["--mount", "--propagation", "private", "sh", "-c", SCRIPT, "sh", folder], {
    stdio: "ignore",
  });
  const uri = `qemu:///system?socket=${folder}/sock/libvirt-sock`;
  const virsh = (...args: string[]) => localHost().run(["virsh", "-q", "-c", uri, ...args]);
  const end = Date.now() + START_MS;
  while ((await virsh("list")).exitCode !== 0) {
    if (Date.now() > end || daemon.exitCode !== null) throw new Error("libvirtd did not start");
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return {
    uri,
    async close() {
      const running = (await virsh("list", "--name")).stdout.split("\n").filter((name) => name !== "");
      for (const name of running) await virsh("destroy", name);
      daemon.kill();
      await once(daemon, "exit");
      process.kill(Number(await readFile(join(folder, "virtlogd.pid"), "utf8")));
      await rm(folder, { recursive: true });
    },
  };
}
