import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Host } from "../../lib/host/types.js";
import { writeXml, type XmlElement } from "../../lib/xml.js";
import { sameElement } from "../cib/make.js";
import { findPath, named } from "../cib/tree.js";
import { clusterNodes } from "../control.js";
import type { ClusterPaths } from "../paths.js";
import { hasQuorum } from "../pacemaker/live-cib.js";
import { bootId } from "../runtime/agents/under-way.js";
import type { Cluster } from "../types.js";
import { asProbed, leftBehind, uniqueClones, type Known } from "./expected.js";
import { planMerge } from "./merge.js";
import { ownOutlook, pacemakersOutlook } from "./outlook.js";
import { runtimeState, stopObjection, type RuntimeState } from "./runtime-end.js";
import { keptAgain, readSource, type Source } from "./source.js";
import type { Expected, LeftOut, Merge } from "./types.js";

/** What a graduation works on. */
export interface GraduateContext {
  /** This machine. */
  readonly host: Host;
  /** Its name, in the runtime's CIB and in the cluster. */
  readonly node: string;
  readonly paths: ClusterPaths;
  /** The cluster that this machine is a member of. */
  readonly cluster: Cluster;
  /** Whether the resources may run on this machine only. */
  readonly pinned: boolean;
}

/** What would be done, and what stands in the way. Nothing is changed to find out. */
export interface GraduationPlan {
  readonly source: Source;
  readonly merge: Merge;
  readonly runtime: RuntimeState;
  /** What runs here, and must go on. */
  readonly expected: readonly Expected[];
  readonly leftOut: readonly LeftOut[];
  /** Resources that Pacemaker would start once it manages them: `web1 on alpha`. */
  readonly starts: readonly string[];
  readonly blockers: readonly string[];
  /** Whether Pacemaker manages the resources already. */
  readonly managed: boolean;
}

/** @throws RehomeError graduate-blocked without a CIB, cluster-unreachable, cib-unsupported, command-failed */
export async function planGraduation(context: GraduateContext): Promise<GraduationPlan> {
  const { host, node, paths, cluster, pinned } = context;
  const source = await readSource(paths);
  const live = await cluster.read();
  const merge = planMerge(source.cib, live, { node, pinned });
  const runtime = await runtimeState(host, paths);
  const known = await knownOf(paths, source.cib, node, merge.primitives);
  const managed = isFree(live, merge);
  const own = [
    ...memberBlockers(live, source.cib, node),
    ...merge.clashes.map((id) => `the cluster has another "${id}" already`),
    ...uniqueClones(merge.resources).map((id) => `"${id}" has instances with numbers, which may get others`),
    ...(source.begun ? [] : known.unclear),
    ...[stopObjection(runtime)].filter((objection) => objection !== undefined),
    ...(await keptAgainBlockers(source, paths, merge)),
  ];
  const common = { source, merge, runtime, expected: known.expected, leftOut: merge.leftOut, managed };
  if (own.length > 0) return { ...common, starts: [], blockers: own };
  const foreseen = await foresee(context, source.cib, live, merge, known.expected);
  return { ...common, starts: foreseen.starts, blockers: foreseen.disruptions };
}

async function keptAgainBlockers({ begun }: Source, paths: ClusterPaths, merge: Merge): Promise<readonly string[]> {
  if (!begun) return [];
  const again = await keptAgain(paths, merge.primitives);
  return again.map((id) => `the runtime's CIB (${paths.cib}) has "${id}" again, although it was set aside`);
}

/** After a restart of the machine nothing runs that nobody started since. */
async function knownOf(paths: ClusterPaths, cib: XmlElement, node: string, ids: readonly string[]): Promise<Known> {
  const booted = await readFile(join(paths.runtimeFolder, "boot-id"), "utf8").catch(() => "");
  if (booted === bootId()) return leftBehind(cib, node, ids);
  return { expected: ids.map((id) => ({ id, role: "stopped" })), unclear: [] };
}

function memberBlockers(live: XmlElement, bundled: XmlElement, node: string): readonly string[] {
  const states = findPath(live, ["status"])?.children ?? [];
  const id = clusterNodes(live).find(({ name }) => name === node)?.id;
  const isOnline = states.some((at) => at.attributes["id"] === id && at.attributes["crmd"] === "online");
  const names = clusterNodes(bundled).map(({ name }) => name);
  return [
    ...(hasQuorum(live) ? [] : ["the cluster has no quorum"]),
    ...(names.includes(node)
      ? []
      : [`the runtime knows this machine as ${names.join(", ")}, and the cluster as ${node}: what is where?`]),
    ...(id === undefined ? [`the cluster has no member "${node}"`] : isOnline ? [] : [`${node} is not online there`]),
  ];
}

/** Whether the resources are in the cluster just as the runtime had them. */
export function isFree(live: XmlElement, { resources }: Merge): boolean {
  const there = findPath(live, ["configuration", "resources"])?.children ?? [];
  return resources.every((mine) => {
    const found = there.find(named(mine.name, mine.attributes["id"]));
    return found !== undefined && sameElement(found, mine);
  });
}

/** What both schedulers would do, once everything was found as it is expected to be. */
async function foresee(
  { cluster, node }: GraduateContext,
  bundled: XmlElement,
  live: XmlElement,
  merge: Merge,
  expected: readonly Expected[],
): Promise<{ starts: readonly string[]; disruptions: readonly string[] }> {
  const now = Date.now();
  const isLoaded = merge.held(live) === live || isFree(live, merge);
  const before = ownOutlook(live, now);
  const held = isLoaded ? live : merge.held(live);
  const { host } = await cluster.verification();
  const problems = await verifyProblems(host, merge.free(held));
  if (problems.length > 0) return { starts: [], disruptions: problems };
  const probed = merge.free(isLoaded ? held : await asProbed(held, bundled, node, { expected, now }));
  const [own, pacemakers] = [ownOutlook(probed, now), await pacemakersOutlook(host, probed)];
  const unrest = isLoaded ? [] : [...before.disruptions, ...before.starts.map((what) => `start ${what}`)];
  return {
    starts: [...new Set([...own.starts, ...pacemakers.starts])],
    disruptions: [
      ...unrest.map((what) => `the cluster is not at rest, it is about to ${what}`),
      ...own.disruptions.map((what) => `Pacemaker would ${what}, by rehome's reckoning`),
      ...pacemakers.disruptions.map((what) => `Pacemaker would ${what}, by its own`),
    ],
  };
}

async function verifyProblems(host: Host, cib: XmlElement): Promise<readonly string[]> {
  const input = writeXml(cib);
  const { exitCode, stderr } = await host.run(["crm_verify", "-V", "-p"], { input, timeoutMs: 30_000 });
  if (exitCode === 0) return [];
  return [`crm_verify refuses the cluster's CIB with the resources in it: ${stderr.trim().split("\n").join("; ")}`];
}
