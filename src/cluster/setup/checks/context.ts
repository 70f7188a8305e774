import type { ClusterConfig } from "../../../lib/config/schema.js";
import type { ClusterConcern } from "../concerns.js";
import type { ClusterFacts, Hosting, MachineFacts } from "../facts/types.js";

/** All that a check may look at. */
export interface CheckContext {
  readonly cluster: ClusterConfig;
  readonly facts: ClusterFacts;
}

/** Looks for one kind of concern, or a few that belong together. Pure. */
export type ClusterCheck = (context: CheckContext) => readonly ClusterConcern[];

/** A machine that runs guests. */
export type HostFacts = MachineFacts & { readonly hosting: Hosting };

export function hostFacts({ machines }: ClusterFacts): readonly HostFacts[] {
  return machines.filter((machine): machine is HostFacts => machine.hosting !== undefined);
}

/** Machines that are part of the cluster: all but a quorum device. */
export function memberFacts({ machines }: ClusterFacts): readonly MachineFacts[] {
  return machines.filter(({ role }) => role !== "qdevice");
}

/** `alpha has 1, beta has 2` */
export function each<T extends { readonly name: string }>(machines: readonly T[], value: (one: T) => string): string {
  return machines.map((one) => `${one.name} has ${value(one)}`).join(", ");
}

export function differ<T>(machines: readonly T[], value: (one: T) => unknown): boolean {
  return new Set(machines.map(value)).size > 1;
}
