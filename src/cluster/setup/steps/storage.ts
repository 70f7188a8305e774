import type { ClusterConfig } from "../../../lib/config/schema.js";
import type { Member } from "../members.js";
import { serviceOff, shell } from "./make.js";
import type { Step } from "./types.js";

/** What guests' volumes and guests need on a host: the volume group, DRBD, libvirt. */
export function hostServices({ volumeGroup, hosts }: ClusterConfig, { name }: Member): readonly Step[] {
  const disks = hosts[name]?.disks ?? [];
  return [
    ...(disks.length === 0
      ? []
      : [
          {
            kind: "command",
            machine: name,
            argv: ["vgcreate", "--quiet", volumeGroup, ...disks],
            unless: shell('vgs "$1" >/dev/null 2>&1', volumeGroup),
            why: "guests' volumes are logical volumes of it",
          } as const,
        ]),
    {
      kind: "command",
      machine: name,
      argv: ["modprobe", "drbd"],
      unless: ["test", "-d", "/sys/module/drbd"],
      why: "DRBD replicates guests' volumes",
    },
    serviceOff(name, "drbd.service", "Pacemaker starts and stops DRBD, nothing else does"),
    serviceOff(name, "libvirt-guests.service", "Pacemaker starts and stops guests, nothing else does"),
    {
      kind: "command",
      machine: name,
      argv: ["systemctl", "enable", "--quiet", "--now", "libvirtd.service"],
      // it ends by itself when nobody speaks to it, and its socket brings it back
      unless: shell(
        "systemctl -q is-enabled libvirtd.service && systemctl -q is-active libvirtd.socket libvirtd.service",
      ),
      why: "guests run under it",
    },
  ];
}
