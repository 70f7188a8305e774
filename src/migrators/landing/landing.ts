import { join } from "node:path";
import { replicatedPath } from "../../cluster/volumes/replicated/plan.js";
import type { Config } from "../../lib/config/schema.js";
import { RehomeError } from "../../lib/errors.js";

/** Where guests land by rehome.yaml: on the machine that rehome runs on, or on the hosts of the cluster. */
export interface Landing {
  readonly kind: "machine" | "cluster";
  /** Of NICs that a guest does not map. */
  readonly bridge: string;
  /** What the volumes take their space from: a folder or a volume group. */
  readonly store: string;
  /** Path of a guest's volume there. @param index 0 for `vda` */
  volumePath(guest: string, index: number, device: string): string;
}

/**
 * A cluster that is described is where guests go, unless `target.kind` says otherwise.
 * @throws RehomeError cluster-undescribed
 */
export function landingOf({ target, cluster }: Config): Landing {
  const kind = target.kind ?? (cluster === undefined ? "machine" : "cluster");
  if (kind === "machine") {
    return {
      kind,
      bridge: target.bridge ?? "br0",
      store: target.volumes,
      volumePath: (guest, _, device) => join(target.volumes, guest, `${device}.raw`),
    };
  }
  if (cluster === undefined) {
    throw new RehomeError("cluster-undescribed", "target.kind is cluster, and there is no cluster section", {
      remedy: "describe the hosts below cluster, or leave target.kind out",
    });
  }
  return {
    kind,
    bridge: target.bridge ?? cluster.bridges[0] ?? "br0",
    store: `volume group ${cluster.volumeGroup}`,
    volumePath: (guest, index) => replicatedPath(guest, index),
  };
}
