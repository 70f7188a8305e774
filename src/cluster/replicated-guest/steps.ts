import type { XmlElement } from "../../lib/xml.js";
import type { Edit } from "../cib/tree.js";
import { ownFile, shell } from "../setup/steps/make.js";
import type { FileStep, Step } from "../setup/steps/types.js";
import { dropGuest, definitionPath, stopAll } from "./resources.js";

const SETTLE_MS = 300_000;

/** A guest's definition on the hosts that are there, before the cluster hears of it. Pure. */
export function definitionSteps(name: string, text: string, hosts: readonly string[]): readonly FileStep[] {
  return hosts.map((machine) =>
    // others need not know what the guest has, and must not change what root's libvirt starts
    ownFile(machine, definitionPath(name), text, "the cluster starts the guest from it", { mode: 0o600 }),
  );
}

/** The change that makes a guest known to the cluster, on a member that the CIB was read on. Pure. */
export function registration(machine: string, members: readonly string[], edit: Edit, seen: XmlElement): Step {
  return { kind: "cib", machine, members, edit, seen, why: "the guest, its volume, and what binds them" };
}

/** Succeeds when all of $1 on a host is known not to be current, or is connected and the same. */
const KNOWS = `said=$(drbdadm dstate "$1") && [ -n "$said" ] || exit
! echo "$said" | grep -Eqv '^(Outdated|Inconsistent|Diskless|Failed|UpToDate/UpToDate)'`;

/**
 * A host that missed what was written on another one is told so: by itself it takes what it has for current, and the
 * cluster could promote it before the other one (drbdadm(8), outdate). Once they are connected it becomes current. Pure.
 */
export function outdating(volume: string, hosts: readonly string[]): readonly Step[] {
  return hosts.map((machine) => ({
    kind: "command",
    machine,
    argv: shell('drbdadm adjust "$1" && drbdadm outdate "$1"', volume),
    unless: shell(KNOWS, volume),
    why: "it missed what was written to the volume, and must not run the guest before it has it",
  }));
}

/** All that takes a guest out: first everything of it is stopped, so that nothing is left that nobody knows. Pure. */
export function removeSteps(name: string, hosts: readonly string[]): readonly Step[] {
  const [first = ""] = hosts;
  return [
    changed(hosts, stopAll(name), "the guest's volume is stopped before it is taken out"),
    settled(first),
    changed(hosts, dropGuest(name), "the cluster knows the guest no more"),
    settled(first),
    ...hosts.map((machine): Step => ({
      kind: "command",
      machine,
      argv: ["rm", "-f", "--", definitionPath(name)],
      unless: shell('[ ! -e "$1" ]', definitionPath(name)),
      why: "nobody starts the guest from it any more",
    })),
  ];
}

function changed(hosts: readonly string[], edit: Edit, why: string): Step {
  return { kind: "cib", machine: hosts[0] ?? "", members: hosts, edit, why };
}

function settled(machine: string): Step {
  return {
    kind: "wait",
    machine,
    until: ["crm_resource", "--wait", "--timeout", "30s"],
    timeoutMs: SETTLE_MS,
    why: "Pacemaker has done all that it wants to",
  };
}
