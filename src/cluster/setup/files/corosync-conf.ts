import type { ClusterConfig } from "../../../lib/config/schema.js";
import { membersOf } from "../members.js";
import { header } from "./mark.js";

/** Until a silent member counts as lost, in ms: short enough for a failover, long enough for a switch that reboots a port. */
const TOKEN_MS = 5000;
/**
 * Until two members agree on who is left, in ms, after the token is lost. Six seconds without it (1.2 times the token);
 * two members may take less (corosync.conf(5), consensus).
 */
const CONSENSUS_OF_TWO_MS = 1000;

type Section = readonly (string | readonly [name: string, content: Section])[];

/**
 * corosync.conf(5): two encrypted links, the backplane before the LAN, and the arbitrator as a quorum device
 * (corosync-qdevice(8)) or as a third node. One directive a line: corosync's parser wants no more.
 */
export function corosyncConf(cluster: ClusterConfig): string {
  const { name, arbitrator } = cluster;
  const members = membersOf(cluster);
  return (
    header("corosync.conf of the cluster, the same on every member") +
    render([
      [
        "totem",
        [
          "version: 2",
          `cluster_name: ${name}`,
          "transport: knet",
          "crypto_cipher: aes256",
          "crypto_hash: sha256",
          `token: ${TOKEN_MS}`,
          ...(members.length === 2 ? [`consensus: ${CONSENSUS_OF_TWO_MS}`] : []),
          "link_mode: passive",
          ["interface", ["linknumber: 0", "knet_link_priority: 10"]],
          ["interface", ["linknumber: 1", "knet_link_priority: 5"]],
        ],
      ],
      [
        "quorum",
        ["provider: corosync_votequorum", ...(arbitrator.kind === "qdevice" ? [quorumDevice(arbitrator.lan)] : [])],
      ],
      [
        "nodelist",
        members.map((member) => [
          "node",
          [
            `name: ${member.name}`,
            `nodeid: ${member.nodeId}`,
            `ring0_addr: ${member.backplane}`,
            `ring1_addr: ${member.lan}`,
          ],
        ]),
      ],
      [
        "logging",
        [
          "fileline: off",
          "to_stderr: no",
          "to_logfile: yes",
          "logfile: /var/log/corosync/corosync.log",
          "to_syslog: yes",
          "timestamp: hires",
        ],
      ],
    ])
  );
}

/** Of two halves the one with more connections to the tie-breaker goes on; of two equal ones that of the first host. */
function quorumDevice(address: string): Section[number] {
  const net = [`host: ${address}`, "algorithm: ffsplit", "tie_breaker: lowest", "tls: on"];
  return ["device", ["model: net", "votes: 1", ["net", net]]];
}

function render(section: Section, depth = 0): string {
  const indent = "  ".repeat(depth);
  return section
    .map((entry) =>
      typeof entry === "string"
        ? `${indent}${entry}\n`
        : `${depth === 0 ? "\n" : ""}${indent}${entry[0]} {\n${render(entry[1], depth + 1)}${indent}}\n`,
    )
    .join("");
}
