import type { ClusterConfig } from "../../../lib/config/schema.js";
import { readTemplate } from "../../../lib/templates.js";
import { configureCluster, type Capacity } from "../cib/base.js";
import type { ClusterFacts } from "../facts/types.js";
import { hostsOf, membersOf } from "../members.js";
import {
  AUTHKEY,
  COROSYNC_CONF,
  corosyncFiles,
  hostFiles,
  memberFiles,
  type MemberTemplates,
} from "./configuration.js";
import { logins } from "./login.js";
import { serviceRuns, shell } from "./make.js";
import { qdeviceSteps } from "./qdevice.js";
import { hostServices } from "./storage.js";
import type { Step } from "./types.js";

const QUORUM_MS = 120_000;
const SETTLE_MS = 180_000;

/** The text of what lands on members unchanged. */
export async function memberTemplates(): Promise<MemberTemplates> {
  const [needrestart, pacemakerOrder, fencePassword] = await Promise.all(
    ["needrestart.conf", "pacemaker-order.conf", "fence-password.sh"].map((name) => readTemplate(`cluster/${name}`)),
  );
  return { needrestart: needrestart ?? "", pacemakerOrder: pacemakerOrder ?? "", fencePassword: fencePassword ?? "" };
}

export interface StepInput {
  readonly cluster: ClusterConfig;
  readonly facts: ClusterFacts;
  readonly templates: MemberTemplates;
  /** Of the members' BMCs, by the member's name. */
  readonly passwords: ReadonlyMap<string, string>;
  /** The member whose authkey the others get. */
  readonly keyHolder: string;
}

/** All that makes the machines the cluster of rehome.yaml, in order. Pure. */
export function clusterSteps({ cluster, facts, templates, passwords, keyHolder }: StepInput): readonly Step[] {
  const members = membersOf(cluster);
  const hosts = hostsOf(cluster);
  return [
    ...members.map(({ name }) => setAsideDefault(name)),
    ...members.flatMap((member) => memberFiles(cluster, member, templates, passwords)),
    ...hosts.flatMap((host) => hostFiles(cluster, host, facts)),
    ...members.map(({ name }) => unitsRead(name)),
    ...logins(cluster, facts),
    ...hosts.flatMap((host) => hostServices(cluster, host)),
    ...qdeviceSteps(cluster),
    ...corosyncFiles(cluster, keyHolder),
    ...members.map(({ name }) =>
      serviceRuns(name, "corosync.service", [COROSYNC_CONF, AUTHKEY], "the members hear each other"),
    ),
    ...members.map(({ name }) => serviceRuns(name, "pacemaker.service", [], "it runs the guests")),
    ...(cluster.arbitrator.kind === "qdevice"
      ? hosts.map(({ name }) =>
          serviceRuns(name, "corosync-qdevice.service", [COROSYNC_CONF], "it asks the tie-breaker"),
        )
      : []),
    ...members.slice(0, 1).flatMap(({ name }): readonly Step[] => [
      {
        kind: "wait",
        machine: name,
        until: shell(
          'said=$(LC_ALL=C corosync-quorumtool -s); echo "$said"; echo "$said" | grep -Eq "^Total votes: +3$"',
        ),
        timeoutMs: QUORUM_MS,
        why: "all three votes are there",
      },
      {
        kind: "cib",
        machine: name,
        members: members.map((member) => member.name),
        edit: configureCluster(cluster, capacitiesOf(facts)),
        why: "fencing, quorum, what each host can carry, and pings of the gateways",
      },
      {
        kind: "wait",
        machine: name,
        until: ["crm_resource", "--wait", "--timeout", "30s"],
        timeoutMs: SETTLE_MS,
        why: "Pacemaker has done all that it wants to",
      },
    ]),
  ];
}

/**
 * Debian starts corosync and Pacemaker when they are installed, each machine a cluster of its own with the node id 1:
 * what they remember of that would be taken for another member's. It is set aside, not deleted.
 */
function setAsideDefault(machine: string): Step {
  const script = [
    "systemctl stop pacemaker corosync",
    "[ ! -e /var/lib/pacemaker/cib/cib.xml ] && exit 0",
    "aside=/var/lib/pacemaker/cib.before-rehome",
    'mkdir -p "$aside" && mv -f /var/lib/pacemaker/cib/cib* "$aside/"',
  ].join("\n");
  return {
    kind: "command",
    machine,
    argv: shell(script),
    unless: shell('grep -q "Written by rehome" "$1" || [ ! -e /var/lib/pacemaker/cib/cib.xml ]', COROSYNC_CONF),
    timeoutMs: 180_000,
    why: "what the package's example configuration made of this machine alone is in the way",
  };
}

function unitsRead(machine: string): Step {
  return {
    kind: "command",
    machine,
    argv: ["systemctl", "daemon-reload"],
    unless: shell('[ "$(systemctl show --property=NeedDaemonReload --value pacemaker.service)" = no ]'),
    why: "systemd reads the order of services",
  };
}

function capacitiesOf({ machines }: ClusterFacts): ReadonlyMap<string, Capacity> {
  return new Map(
    machines.filter(({ role }) => role === "host").map(({ name, cpu, memory }) => [name, { cpus: cpu.count, memory }]),
  );
}
