import type { MachineSpec, Network } from "./types.js";

/** A corosync.conf with every machine a full member, over both networks, the backplane preferred. */
export function corosyncConf(machines: readonly MachineSpec[], options: { readonly tokenMs: number }): string {
  const nodes = machines.map(
    (machine, index) => `  node {
    name: ${machine.name}
    nodeid: ${index + 1}
    ring0_addr: ${address(machine, "backplane")}
    ring1_addr: ${address(machine, "lan")}
  }
`,
  );
  return `totem {
  version: 2
  cluster_name: lab
  transport: knet
  crypto_cipher: aes256
  crypto_hash: sha256
  token: ${options.tokenMs}
  link_mode: passive
  interface {
    linknumber: 0
    knet_link_priority: 10
  }
  interface {
    linknumber: 1
    knet_link_priority: 5
  }
}

quorum {
  provider: corosync_votequorum
}

nodelist {
${nodes.join("")}}

logging {
  to_syslog: no
  to_logfile: yes
  logfile: /var/log/corosync/corosync.log
}
`;
}

function address(machine: MachineSpec, network: Network): string {
  return machine.nics.find((nic) => nic.network === network)?.address ?? "";
}
