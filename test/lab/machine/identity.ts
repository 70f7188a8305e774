import { mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { localHost } from "../../../src/lib/host/local-host.js";
import { runChecked } from "../../../src/lib/host/run.js";
import { GATEWAY } from "../machines.js";
import type { MachineSpec } from "../types.js";

/** The kernel names the NIC in PCI slot n of its only bus so. */
export function nicName(index: number): string {
  return `enp0s${3 + index}`;
}

/** The text files that make an image one particular machine, as its administrator would have written them. */
export function identityFiles(spec: MachineSpec): Readonly<Record<string, string>> {
  return {
    "etc/hostname": `${spec.name}\n`,
    "etc/hosts": `127.0.0.1 localhost\n${spec.nics[0]?.address ?? "127.0.1.1"} ${spec.name}\n`,
    ...networkFiles(spec),
    "etc/resolv.conf": "",
    ...(spec.kind === "node" && { "etc/chrony/chrony.conf": CHRONY }),
  };
}

/** The gateway has the time. A machine that stood still, or is put back to a snapshot, soon has it again: steps are allowed. */
const CHRONY = `server ${GATEWAY} iburst minpoll 4 maxpoll 6
driftfile /var/lib/chrony/chrony.drift
makestep 1 -1
rtcsync
`;

/** For systemd-networkd, which an emulated machine is done with ten times faster than with ifupdown's scripts. */
function networkFiles(spec: MachineSpec): Readonly<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const [index, { network, address }] of spec.nics.entries()) {
    const bridged = spec.bridge && index === 0;
    const name = bridged ? "br0" : nicName(index);
    files[`etc/systemd/network/${name}.network`] = `[Match]
Name=${name}

[Network]
Address=${address}/24
${network === "lan" ? `Gateway=${GATEWAY}\n` : ""}${KEEP_ADDRESS}`;
    if (!bridged) continue;
    files["etc/systemd/network/br0.netdev"] = "[NetDev]\nName=br0\nKind=bridge\n";
    files[`etc/systemd/network/${nicName(index)}.network`] =
      `[Match]\nName=${nicName(index)}\n\n[Network]\nBridge=br0\n`;
  }
  return files;
}

/** A cable that is pulled must not take the address away: a server's address stays, and corosync cannot do without. */
const KEEP_ADDRESS = "ConfigureWithoutCarrier=yes\nIgnoreCarrierLoss=yes\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n";

/**
 * Makes the initramfs that gives the machine its identity at its first boot, with an ssh host key of its own.
 * @param initrd of the image
 * @param target path of the machine's one
 * @returns the host key as known_hosts has it: `ssh-ed25519 AAAA…`
 */
export async function writeIdentity(spec: MachineSpec, initrd: string, target: string): Promise<string> {
  const host = localHost();
  const tree = `${target}.tree`;
  const root = join(tree, "identity");
  const key = join(root, "etc/ssh/ssh_host_ed25519_key");
  try {
    await mkdir(dirname(key), { recursive: true });
    await runChecked(host, ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", `root@${spec.name}`, "-f", key]);
    for (const [path, text] of Object.entries(identityFiles(spec))) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await host.writeFile(join(root, path), text);
    }
    // the kernel unpacks one archive after the other; the one without compression has to be the first
    await runChecked(host, ["sh", "-c", PACK, "sh", tree, initrd, target]);
    const publicKey = (await host.readFile(`${key}.pub`)).toString();
    return publicKey.split(" ").slice(0, 2).join(" ");
  } finally {
    await rm(tree, { recursive: true, force: true });
  }
}

const PACK = 'set -e; (cd "$1" && find . | cpio --quiet -o -H newc) >"$3"; cat "$2" >>"$3"';
