import { ARBITRATOR, HOSTS } from "./configuration.js";
import type { ClusterLab } from "./finished.js";

/** Keys and certificates, which are others each time, and what programs write of themselves: that they are there counts. */
const RANDOM = [
  ...[
    "/etc/corosync/authkey",
    "/etc/corosync/q*/nssdb/*",
    "/etc/corosync/qdevice/net/nssdb/*",
    "/etc/rehome/qdevice/*",
  ],
  // libvirtd gives what it comes with UUIDs and MACs when it starts for the first time
  ...["/etc/libvirt/nwfilter/*", "/etc/libvirt/qemu/networks/default.xml"],
  ...["/root/.ssh/id_*", "/root/.ssh/authorized_keys", "/etc/lvm/backup/*", "/etc/adjtime", "/etc/lvm/devices/*"],
];

const FILES = `
find /etc /root/.ssh -path /etc/lvm/archive -prune -o -type l -printf '%p -> %l\\n' -o -type f -printf '%m %u:%g %p\\n'
find /etc /root/.ssh -path /etc/lvm/archive -prune -o -type f ${RANDOM.map((path) => `! -path '${path}'`).join(" ")} -print0 |
  xargs -0 sha256sum
vgs --noheadings -o vg_name,vg_size 2>/dev/null
for unit in corosync pacemaker corosync-qdevice corosync-qnetd drbd libvirtd libvirt-guests; do
  echo "$unit $(systemctl is-enabled "$unit" 2>&1) $(systemctl is-active "$unit")"
done`;

/** What the CIB has of when and by whom it was changed, or of the machine that leads. */
const PASSING = /^<(cib|nvpair id="cib-bootstrap-options-(last-lrm-refresh|dc-deadtime)")/;

/** What init has made: lines by machine, and those of the CIB. */
export type InitState = Readonly<Record<string, readonly string[]>>;

/** What is in one state and not in the other: `alpha: - line`, `alpha: + line`. */
export function differences(one: InitState, other: InitState): readonly string[] {
  return [...new Set([...Object.keys(one), ...Object.keys(other)])].flatMap((name) => [
    ...(one[name] ?? []).filter((line) => !other[name]?.includes(line)).map((line) => `${name}: - ${line}`),
    ...(other[name] ?? []).filter((line) => !one[name]?.includes(line)).map((line) => `${name}: + ${line}`),
  ]);
}

/** All that `init` makes, so that two runs can be compared: files, units, volume groups of each machine, and the CIB. */
export async function readState(cluster: ClusterLab): Promise<InitState> {
  const lines = async (name: string, argv: readonly string[]): Promise<readonly string[]> =>
    (await cluster.machine(name).check(argv, { timeoutMs: 120_000 })).split("\n").map((line) => line.trim());
  const state: Record<string, readonly string[]> = {};
  for (const name of [...HOSTS, ARBITRATOR]) {
    // libvirtd ends by itself when nobody speaks to it
    state[name] = (await lines(name, ["sh", "-c", FILES]))
      .map((line) => line.replace(/^(libvirtd \S+) .*/, "$1"))
      .sort();
  }
  const cib = await lines(HOSTS[0], ["cibadmin", "--query", "--scope", "configuration"]);
  return { ...state, cib: cib.filter((line) => !PASSING.test(line)).sort() };
}
