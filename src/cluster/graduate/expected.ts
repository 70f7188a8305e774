import { descendantsOf, type XmlElement } from "../../lib/xml.js";
import { isTrue } from "../cib/read.js";
import { setNodeCondition, setTransientAttribute, transientAttributes, type ClusterNode } from "../cib/status.js";
import { findPath, pairValue, type Edit } from "../cib/tree.js";
import { clusterNodes } from "../control.js";
import { resourceStates, type ResourceState } from "../resource-state.js";
import { whatIf } from "../simulation/what-if.js";
import type { Expected } from "./types.js";

/** What a probe answers: the agent's exit codes. */
const PROBE_RC = { stopped: 7, started: 0, unpromoted: 0, promoted: 8 } as const;

/** What is true of each resource, and why that cannot be told of some. */
export interface Known {
  readonly expected: readonly Expected[];
  readonly unclear: readonly string[];
}

/** What the runtime left behind on its machine, by its operation history: also after it has ended. */
export function leftBehind(bundled: XmlElement, node: string, ids: readonly string[]): Known {
  const own = clusterNodes(bundled).find(({ name }) => name === node);
  if (own === undefined) return { expected: [], unclear: [`the runtime's CIB has no node "${node}"`] };
  // Nobody keeps its condition up to date once the runtime has ended; what it left running goes on.
  const present = setNodeCondition(bundled, own, "online");
  const found = ids.map((id) => ({ id, state: resourceStates(present, id).find((state) => state.node === node) }));
  return {
    expected: found.map(({ id, state }) => ({ id, role: roleOf(bundled, id, state) })),
    unclear: found.flatMap(({ id, state }) => {
      if (state?.pending !== undefined) return [`${id}: ${state.pending} is under way`];
      if (state?.role === "unknown") return [`${id}: its last operation failed, nobody knows what it is`];
      return [];
    }),
  };
}

function roleOf(cib: XmlElement, id: string, state: ResourceState | undefined): Expected["role"] {
  if (state === undefined || state.role === "unknown") return "stopped";
  return state.role === "started" && isPromotable(cib, id) ? "unpromoted" : state.role;
}

function isPromotable(cib: XmlElement, id: string): boolean {
  const clones = findPath(cib, ["configuration", "resources"])?.children ?? [];
  return clones.some(
    (at) =>
      descendantsOf(at, "primitive").some(({ attributes }) => attributes["id"] === id) &&
      (at.name === "master" || isTrue(pairValue(at, "meta_attributes", "promotable"))),
  );
}

/** Instances that are told apart by number: what the runtime calls the first, Pacemaker may call the second. */
export function uniqueClones(resources: readonly XmlElement[]): readonly string[] {
  return resources
    .filter((at) => at.name === "bundle" || isTrue(pairValue(at, "meta_attributes", "globally-unique")))
    .map(({ attributes }) => attributes["id"] ?? "");
}

/**
 * A cluster's CIB as it will be once Pacemaker has looked for the resources everywhere, and the agents have told how
 * fit this machine is to have them promoted: carried out in a simulation, in which what was left running is found.
 * @param held with the resources, unmanaged
 * @param now ms since the epoch
 */
export async function asProbed(
  held: XmlElement,
  bundled: XmlElement,
  node: string,
  { expected, now }: { readonly expected: readonly Expected[]; readonly now: number },
): Promise<XmlElement> {
  const here = clusterNodes(held).find(({ name }) => name === node);
  const injections = here === undefined ? [] : scoresOf(bundled, node).map(setScore(here));
  const failures = expected
    .filter(({ role }) => role !== "stopped")
    .map(({ id, role }) => ({ resource: id, task: "monitor", node, rc: PROBE_RC[role] }));
  return (await whatIf(held, { injections, failures, now })).cib;
}

function scoresOf(bundled: XmlElement, node: string): readonly (readonly [string, string])[] {
  const own = clusterNodes(bundled).find(({ name }) => name === node);
  const all = own === undefined ? {} : transientAttributes(bundled, own.id);
  return Object.entries(all).filter(([name]) => name.startsWith("master-"));
}

function setScore(node: ClusterNode): (pair: readonly [string, string]) => Edit {
  return ([name, value]) =>
    (cib) =>
      setTransientAttribute(cib, node, name, value);
}

/**
 * What Pacemaker found that is not as it was left; empty when all is. A machine that was not asked yet counts as not
 * looked at, which is said too.
 */
export function mismatches(
  live: XmlElement,
  node: string,
  expected: readonly Expected[],
): { readonly missing: readonly string[]; readonly lost: readonly string[]; readonly surplus: readonly string[] } {
  const online = clusterNodes(live).filter(({ id }) => isOnline(live, id));
  const each = expected.flatMap(({ id, role }) => {
    const states = resourceStates(live, id);
    return online.map(({ name }) => {
      const state = states.find((at) => at.node === name);
      const known = state !== undefined && state.pending === undefined && (state.role !== "unknown" || isAbsent(state));
      const isActive = known && ["started", "unpromoted", "promoted"].includes(state.role);
      const isWanted = name === node && role !== "stopped";
      return { what: `${id} on ${name}`, known, isActive, isWanted };
    });
  });
  return {
    missing: each.filter(({ known }) => !known).map(({ what }) => what),
    lost: each.filter(({ known, isActive, isWanted }) => known && isWanted && !isActive).map(({ what }) => what),
    surplus: each.filter(({ isActive, isWanted }) => isActive && !isWanted).map(({ what }) => what),
  };
}

/** A node without the software cannot run it either: its probe says "not installed" (5). */
function isAbsent({ failure }: ResourceState): boolean {
  return failure?.task === "monitor" && failure.intervalMs === 0 && failure.rc === 5;
}

function isOnline(cib: XmlElement, id: string): boolean {
  const states = findPath(cib, ["status"])?.children ?? [];
  return states.some(({ attributes }) => attributes["id"] === id && attributes["crmd"] === "online");
}

/** Resources that were stopped or started since Pacemaker looked for them first. */
export function restarted(live: XmlElement, node: string, expected: readonly Expected[]): readonly string[] {
  const active = expected.filter(({ role }) => role !== "stopped").map(({ id }) => id);
  const own = clusterNodes(live).find(({ name }) => name === node);
  const states = (findPath(live, ["status"])?.children ?? []).filter(({ attributes }) => attributes["id"] === own?.id);
  return states
    .flatMap((state) => descendantsOf(state, "lrm_resource"))
    .filter(({ attributes }) => active.includes(attributes["id"] ?? ""))
    .filter((history) =>
      history.children.some(({ attributes }) => ["stop", "start", "demote"].includes(attributes["operation"] ?? "")),
    )
    .map(({ attributes }) => attributes["id"] ?? "");
}
