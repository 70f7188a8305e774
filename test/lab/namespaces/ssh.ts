import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runChecked } from "../../../src/lib/host/run.js";
import { makeKey } from "../../helpers/sshd.js";
import type { NamespaceNode } from "./cluster.js";

/** How to log in to nodes as root. */
export interface NodeLogin {
  readonly identity: string;
  readonly knownHosts: string;
}

/** Lets root log in to nodes by ssh with a key made for it; each sshd ends with its node. */
export async function serveSsh(nodes: readonly NamespaceNode[], folder: string): Promise<NodeLogin> {
  const [identity, knownHosts] = [join(folder, "id"), join(folder, "known_hosts")];
  makeKey(identity);
  const keys = nodes.map(({ name, spec }) => {
    makeKey(join(folder, `host_${name}`));
    return { name, address: spec.nics[0]?.address ?? "" };
  });
  const publicKey = (name: string): Promise<string> => readFile(join(folder, `host_${name}.pub`), "utf8");
  const lines = await Promise.all(keys.map(async ({ name, address }) => `${address} ${await publicKey(name)}`));
  await writeFile(knownHosts, lines.join(""));
  for (const node of nodes) {
    const config = join(folder, `sshd_${node.name}`);
    await writeFile(
      config,
      [
        `HostKey ${join(folder, `host_${node.name}`)}`,
        `AuthorizedKeysFile ${identity}.pub`,
        ...["StrictModes no", "UsePAM no", "PermitRootLogin yes", "PidFile none", "SetEnv SHLVL=2", ""],
      ].join("\n"),
    );
    await runChecked(node.host, ["mkdir", "-p", "/run/sshd"]);
    await runChecked(node.host, ["/usr/sbin/sshd", "-f", config]);
  }
  return { identity, knownHosts };
}
