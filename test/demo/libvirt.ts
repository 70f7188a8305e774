import { mkdir, writeFile } from "node:fs/promises";
import { localHost } from "../../src/lib/host/local-host.js";
import { runChecked } from "../../src/lib/host/run.js";

const START_MS = 30_000;

/** /etc/libvirt of the world: no security driver, no cgroups, everything as root. */
const FILES = {
  "qemu.conf": `security_driver = "none"
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
namespaces = []
cgroup_controllers = []
`,
  "libvirtd.conf": `auth_unix_ro = "none"
auth_unix_rw = "none"
unix_sock_group = "root"
`,
  "virtlogd.conf": "",
} as const;

/** Starts a libvirtd of the world's own: qemu:///system in here is not the machine's. */
export async function startLibvirt(): Promise<void> {
  const host = localHost();
  for (const [name, text] of Object.entries(FILES)) await writeFile(`/etc/libvirt/${name}`, text);
  await mkdir("/etc/libvirt/qemu", { recursive: true });
  await runChecked(host, ["virtlogd", "--daemon"], { timeoutMs: START_MS });
  await runChecked(host, ["libvirtd", "--daemon"], { timeoutMs: START_MS });
  await runChecked(host, ["virsh", "--connect", "qemu:///system", "list"], { timeoutMs: START_MS });
}

export async function runsInLibvirt(name: string): Promise<boolean> {
  const domains = await runChecked(localHost(), ["virsh", "--connect", "qemu:///system", "list", "--name"]);
  return domains.split("\n").includes(name);
}
