import { randomBytes } from "node:crypto";
import { corosyncConf } from "../../corosync-conf.js";
import type { Machine } from "../../machine/machine.js";

/** For emulated machines, which may stand still for seconds when the cores are busy. */
const TOKEN_MS = 10_000;

/** Makes the machines members of one cluster, by hand, and starts it. */
export async function startCluster(machines: readonly Machine[]): Promise<void> {
  const key = randomBytes(256);
  const config = corosyncConf(
    machines.map(({ spec }) => spec),
    { tokenMs: TOKEN_MS },
  );
  const hosts = machines.map((machine) => `${machine.address()} ${machine.name}\n`).join("");
  await Promise.all(
    machines.map(async (machine) => {
      await machine.writeFile("/etc/corosync/authkey", key, 0o400);
      await machine.writeFile("/etc/corosync/corosync.conf", config);
      await machine.writeFile("/etc/hosts", `127.0.0.1 localhost\n${hosts}`);
      await machine.check(["systemctl", "start", "corosync", "pacemaker"], { timeoutMs: 300_000 });
    }),
  );
}
