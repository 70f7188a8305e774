import { nvSetsOf } from "../../cib/nvsets.js";
import type { ClusterState, Node, Resource } from "../model.js";
import { applySets, hasRules, type RuleContext } from "./rules.js";

/** The context of rules in this run, to be completed. */
export function ruleContext(state: ClusterState, more: Partial<RuleContext> = {}): RuleContext {
  return {
    now: state.now,
    byId: state.cib.byId,
    onChangeAt: (ms) => recheckBy(state, ms),
    ...more,
  };
}

/** Notes that the decision may change at that time. */
export function recheckBy(state: ClusterState, ms: number): void {
  if (ms > state.now && (state.recheckAt === undefined || ms < state.recheckAt)) state.recheckAt = ms;
}

/** The instance attributes of a resource on a node, its parents' included. */
export function parametersOf(state: ClusterState, resource: Resource, node?: Node): ReadonlyMap<string, string> {
  const key = hasRules(resource.instanceSets) || resource.parent !== undefined ? node : undefined;
  const cached = resource.parameterCache.get(key);
  if (cached !== undefined) return cached;
  const own = new Map<string, string>();
  applySets(resource.instanceSets, ruleContext(state, { attributes: node?.attributes, agent: resource.agent }), own);
  if (resource.parent !== undefined) {
    for (const [name, value] of parametersOf(state, resource.parent, node)) if (!own.has(name)) own.set(name, value);
  }
  resource.parameterCache.set(key, own);
  return own;
}

/** The default sets of a section (rsc_defaults, op_defaults), in the form `applySets` takes. */
export function defaultSets(state: ClusterState, section: "rscDefaults" | "opDefaults"): ReturnType<typeof nvSetsOf> {
  return nvSetsOf(state.cib[section], "meta_attributes", state.cib.byId);
}
