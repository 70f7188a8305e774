import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runChecked } from "../../../src/lib/host/run.js";
import type { Host } from "../../../src/lib/host/types.js";
import { corosyncConf } from "../corosync-conf.js";
import { startBmc } from "../machine/bmc.js";
import { FILES } from "../machine/qemu.js";
import { machineSpec } from "../machines.js";
import type { MachineSpec, Network } from "../types.js";
import { endWorld, hostInside, startWorld, worldHost } from "../world/world.js";

const START = fileURLToPath(new URL("start.sh", import.meta.url));
const POWER = fileURLToPath(new URL("../machine/power.sh", import.meta.url));

/** Elections end after two seconds, since all nodes start at once. */
const CIB = `<cib validate-with="pacemaker-3.9" admin_epoch="0" epoch="1" num_updates="0">
  <configuration>
    <crm_config>
      <cluster_property_set id="cib-bootstrap-options">
        <nvpair id="opt-dc-deadtime" name="dc-deadtime" value="2s"/>
        <nvpair id="opt-stonith-enabled" name="stonith-enabled" value="false"/>
      </cluster_property_set>
    </crm_config>
    <nodes/>
    <resources/>
    <constraints/>
  </configuration>
  <status/>
</cib>
`;

/** One node of it; addresses and BMC are those of the machine of that name. */
export interface NamespaceNode {
  readonly name: string;
  readonly spec: MachineSpec;
  /** Programs run on the node, with its files, network and processes. */
  readonly host: Host;
  isOn(): Promise<boolean>;
  powerOn(): Promise<void>;
  cutPower(): Promise<void>;
  cutLink(network: Network): Promise<void>;
  restoreLink(network: Network): Promise<void>;
}

/** A real cluster of corosync and Pacemaker without machines: no DRBD, LVM or KVM, but quorate within seconds. */
export interface NamespaceCluster {
  readonly nodes: readonly NamespaceNode[];
  /** Ends everything; nothing of it stays. */
  close(): Promise<void>;
}

/**
 * Starts a cluster whose nodes are namespaces of this machine, with two networks and BMCs like the lab's machines. Needs
 * root, and corosync, pacemaker and openipmi installed. Resource agents run with this machine's files.
 * @param names of machines of the lab, which the nodes stand for
 */
export async function startNamespaceCluster(names: readonly string[]): Promise<NamespaceCluster> {
  const folder = await mkdtemp("/var/tmp/rehome-nodes-");
  const world = worldHost(await startWorld(folder));
  const specs = names.map(machineSpec);
  const files = { "corosync.conf": corosyncConf(specs, { tokenMs: 3000 }), authkey: randomBytes(256) };
  try {
    const nodes = await Promise.all(specs.map((spec) => makeNode(world, join(folder, spec.name), spec, specs, files)));
    await Promise.all(nodes.map((node) => node.powerOn()));
    return { nodes, close: () => endWorld(folder) };
  } catch (error) {
    await endWorld(folder);
    throw error;
  }
}

async function makeNode(
  world: Host,
  folder: string,
  spec: MachineSpec,
  all: readonly MachineSpec[],
  files: Readonly<Record<string, string | Buffer>>,
): Promise<NamespaceNode> {
  const disk = join(folder, "disk");
  for (const path of ["etc/corosync", "var/lib/corosync", "var/log/corosync"]) {
    await mkdir(join(disk, path), { recursive: true });
  }
  for (const [name, data] of Object.entries(files))
    await world.writeFile(join(disk, "etc/corosync", name), data, 0o400);
  const names = all.map(({ name, nics }) => `${nics[0]?.address ?? ""} ${name}\n`).join("");
  await writeFile(join(disk, "etc/hosts"), `127.0.0.1 localhost\n${names}`);
  const owned = ["install", "-o", "hacluster", "-g", "haclient"];
  const folders = ["blackbox", "cib", "cores", "pengine"].map((name) => join(disk, "var/lib/pacemaker", name));
  await runChecked(world, [...owned, "-m", "750", "-d", ...folders, join(disk, "var/log/pacemaker")]);
  await writeFile(join(folder, "cib.xml"), CIB);
  await runChecked(world, [...owned, "-m", "600", join(folder, "cib.xml"), join(disk, "var/lib/pacemaker/cib")]);
  const addresses = spec.nics.map(({ address }) => address).join(" ");
  await writeFile(join(folder, FILES.start), `#!/bin/sh\nexec sh ${START} ${folder} ${spec.name} ${addresses}\n`);
  await startBmc(world, spec, folder);

  const power = (what: string): Promise<string> => runChecked(world, ["sh", POWER, folder, what]);
  const link = async (network: Network, state: "up" | "down"): Promise<void> => {
    await runChecked(world, ["ip", "link", "set", `${spec.name}-${network}`, state]);
  };
  const init = async (): Promise<number> => Number(await readFile(join(folder, "init"), "utf8"));
  return {
    name: spec.name,
    spec,
    host: hostInside(world, spec.name, init),
    isOn: async () => (await power("state")).trim() === "on",
    powerOn: async () => {
      await power("on");
    },
    cutPower: async () => {
      await power("off");
    },
    cutLink: (network) => link(network, "down"),
    restoreLink: (network) => link(network, "up"),
  };
}
