import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Lab } from "../../lab.js";
import { GATEWAY } from "../../machines.js";

export const HOSTS = ["alpha", "beta"] as const;
export const ARBITRATOR = "arb";

/**
 * Writes rehome.yaml for the lab's hosts and tie-breaker, with the passwords of their BMCs, into the lab's folder: it
 * is there for as long as the lab is.
 * @returns its path
 */
export async function writeConfiguration(lab: Lab): Promise<string> {
  const folder = join(lab.folder, "rehome");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, "rehome.yaml");
  await writeFile(path, JSON.stringify(await describe(lab, folder), undefined, 2));
  return path;
}

async function describe(lab: Lab, folder: string): Promise<object> {
  const machine = (name: string): object => {
    const { identity, knownHosts } = lab.machine(name);
    return {
      lan: lab.machine(name).address(),
      backplane: lab.machine(name).address("backplane"),
      identity,
      knownHosts,
    };
  };
  const host = async (name: string): Promise<readonly [string, object]> => {
    const { address, user, password } = lab.machine(name).spec.bmc;
    const passwordFile = join(folder, `${name}.bmc`);
    await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
    return [name, { ...machine(name), disks: ["/dev/vdb"], bmc: { address, user, passwordFile, cipher: 3 } }];
  };
  return {
    version: 1,
    target: { state: join(folder, "state") },
    cluster: {
      name: "lab",
      hosts: Object.fromEntries(await Promise.all(HOSTS.map(host))),
      arbitrator: { name: ARBITRATOR, ...machine(ARBITRATOR) },
      gateways: [GATEWAY],
      reserve: { cpus: 0, memory: "512MiB" },
    },
  };
}
