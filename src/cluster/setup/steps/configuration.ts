import { randomBytes } from "node:crypto";
import type { ClusterConfig } from "../../../lib/config/schema.js";
import { passwordScript } from "../cib/fencing.js";
import { nicWith } from "../facts/network.js";
import type { ClusterFacts } from "../facts/types.js";
import { corosyncConf } from "../files/corosync-conf.js";
import { drbdCommon, drbdVersion } from "../files/drbd-common.js";
import { lvmConf } from "../files/lvm-conf.js";
import { header } from "../files/mark.js";
import { hostsOf, membersOf, type Member } from "../members.js";
import { copyFile, ownFile, sharedLines } from "./make.js";
import type { FileStep, Step } from "./types.js";

export const COROSYNC_CONF = "/etc/corosync/corosync.conf";
export const AUTHKEY = "/etc/corosync/authkey";
/** corosync wants 1024 bits at least; this is what corosync-keygen makes. */
const AUTHKEY_BYTES = 256;
/** Of a card that does not say how fast it is. */
const GIGABIT = 125e6;

/** Files in templates/cluster that land on members as they are. */
export interface MemberTemplates {
  readonly needrestart: string;
  readonly pacemakerOrder: string;
  readonly fencePassword: string;
}

/** What every member is configured with. */
export function memberFiles(
  cluster: ClusterConfig,
  { name }: Member,
  templates: MemberTemplates,
  passwords: ReadonlyMap<string, string>,
): readonly FileStep[] {
  const members = membersOf(cluster);
  const names = members.flatMap((member) => [`${member.lan} ${member.name}`, `${member.backplane} ${member.name}-bp`]);
  return [
    sharedLines(name, "/etc/hosts", () => names, "names resolve without a DNS, and the same everywhere"),
    ownFile(
      name,
      "/etc/needrestart/conf.d/rehome.conf",
      templates.needrestart,
      "an upgrade of a library must not restart the cluster below its guests",
    ),
    ownFile(
      name,
      "/etc/systemd/system/pacemaker.service.d/rehome.conf",
      templates.pacemakerOrder,
      "at shutdown guests are stopped before what they need",
    ),
    ...members
      .filter((member) => member.name !== name)
      .flatMap((member) => fencing(name, member, templates, passwords)),
  ];
}

/** A member has the passwords of the others' BMCs, which it may have to fence, and not its own. */
function fencing(
  machine: string,
  { name }: Member,
  templates: MemberTemplates,
  passwords: ReadonlyMap<string, string>,
): readonly FileStep[] {
  const script = passwordScript(name);
  const password = header(`the password of ${name}'s BMC is in the last line`) + `${passwords.get(name) ?? ""}\n`;
  return [
    ownFile(machine, script, templates.fencePassword, `the fence agent asks it for the password of ${name}'s BMC`, {
      mode: 0o700,
    }),
    ownFile(machine, script.replace(/\.sh$/, ".password"), password, `kept out of the CIB, which others may read`, {
      mode: 0o600,
      secret: true,
    }),
  ];
}

/** What hosts are configured with besides. */
export function hostFiles(cluster: ClusterConfig, { name }: Member, facts: ClusterFacts): readonly FileStep[] {
  const version = drbdVersion(facts.machines.find((machine) => machine.name === name)?.hosting?.drbdModule ?? "");
  return [
    ownFile(
      name,
      "/etc/lvm/lvmlocal.conf",
      lvmConf(cluster.volumeGroup),
      "LVM on the host must not activate what is inside guests' volumes",
    ),
    ownFile(
      name,
      "/etc/modules-load.d/rehome.conf",
      `${header("modules that guests' volumes need")}drbd\n`,
      "DRBD is there at boot",
    ),
    ...(version === undefined
      ? []
      : [
          ownFile(
            name,
            "/etc/drbd.d/global_common.conf",
            drbdCommon(version, backplaneSpeed(cluster, facts)),
            "what all replicated volumes have in common: fencing, checksums, resync rates",
          ),
        ]),
  ];
}

/** What the slower of the hosts' backplane cards says of itself: a measured speed would be another one each time. */
function backplaneSpeed(cluster: ClusterConfig, { machines }: ClusterFacts): number {
  const speeds = hostsOf(cluster).map(({ name, backplane }) => {
    const nics = machines.find((machine) => machine.name === name)?.nics ?? [];
    return nicWith(nics, backplane)?.speed ?? GIGABIT;
  });
  return Math.min(...speeds);
}

/**
 * corosync's key and configuration. A key that a member has is kept: the first run may have been cut off after it.
 * @param keyHolder the member whose key the others get
 */
export function corosyncFiles(cluster: ClusterConfig, keyHolder: string): readonly Step[] {
  const members = membersOf(cluster);
  const others = members.filter(({ name }) => name !== keyHolder);
  const from = { machine: keyHolder, path: AUTHKEY };
  const key: FileStep = {
    kind: "file",
    ...from,
    mode: 0o400,
    secret: true,
    sharing: "copy",
    sources: [],
    compose: (before) => before ?? randomBytes(AUTHKEY_BYTES),
    why: "the members encrypt what they say to each other",
  };
  return [
    key,
    ...others.map(({ name }) =>
      copyFile(from, { machine: name, path: AUTHKEY }, "the same key on every member", 0o400),
    ),
    ...members.map(({ name }) =>
      ownFile(name, COROSYNC_CONF, corosyncConf(cluster), "who is a member, over which networks, and who breaks a tie"),
    ),
  ];
}
