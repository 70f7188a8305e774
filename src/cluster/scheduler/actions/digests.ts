import { nvSetsOf } from "../../cib/nvsets.js";
import { parameterDigest } from "../../cib/digest.js";
import type { HistoryEntry } from "../../cib/types.js";
import { parametersOf, ruleContext } from "../configuration/attributes.js";
import type { ClusterState, Node, Resource } from "../model.js";
import { operationSettings } from "../configuration/operation-config.js";
import { applySets } from "../configuration/rules.js";

/**
 * How the parameters an operation was run with compare with the configuration's now: `changed` may be put right with a
 * reload where the agent can, `restart` may not.
 */
export type DigestResult = "same" | "changed" | "restart" | "unknown";

/** Compares the digests recorded with an operation with those of the present configuration. */
export function compareDigests(state: ClusterState, resource: Resource, node: Node, entry: HistoryEntry): DigestResult {
  if (state.rescheduled.has(entry.xml)) return "restart";
  const { "op-digest": all, "op-restart-digest": restart, "op-force-restart": forcing } = entry.xml.attributes;
  const { params, extra } = digestedParameters(state, resource, node, entry);
  if (restart !== undefined) {
    const names = (forcing ?? "").split(/\s+/);
    const kept = forcing === undefined ? params : [...params].filter(([name]) => names.includes(name));
    if (parameterDigest(kept) !== restart) return "restart";
  }
  if (all === undefined) return "unknown";
  if (parameterDigest(params) === all) return "same";
  if (isOnlyPrivate(entry, params)) return "same";
  return entry.intervalMs === 0 && extra > 0 ? "restart" : "changed";
}

/** In a CIB from which private values were removed, the digest of the others is what counts. */
function isOnlyPrivate(entry: HistoryEntry, params: ReadonlyMap<string, string>): boolean {
  const { "op-secure-params": secure, "op-secure-digest": digest } = entry.xml.attributes;
  if (digest === undefined) return false;
  const hidden = (secure ?? "").split(/\s+/);
  // The executor's own parameters (timeouts, and pcmk_* of fence devices) are not the agent's: they do not count here.
  const counts = (name: string): boolean => !hidden.includes(name) && !/^(CRM_meta_|pcmk_)/.test(name);
  return parameterDigest([...params].filter(([name]) => counts(name))) === digest;
}

/** What was found running, or came by migration, counts as started with its parameters. */
export function startedBy({ task, intervalMs }: HistoryEntry): string {
  if (task === "migrate_from" || task === "migrate_to") return "start";
  return task === "monitor" && intervalMs === 0 ? "start" : task;
}

function digestedParameters(
  state: ClusterState,
  resource: Resource,
  node: Node,
  entry: HistoryEntry,
): { params: ReadonlyMap<string, string>; extra: number } {
  const params = new Map(parametersOf(state, resource, node));
  const settings = operationSettings(state, resource, startedBy(entry), entry.intervalMs);
  const own = operationParameters(state, node, settings.operation);
  for (const [name, value] of own) params.set(name, value);
  for (const name of ["id", "crm_feature_set", "op-digest", "on_node", "on_node_uuid", "pcmk_external_ip"]) {
    params.delete(name);
  }
  for (const name of [...params.keys()]) if (name.startsWith("CRM_meta_")) params.delete(name);
  if (entry.intervalMs > 0) params.set("CRM_meta_timeout", String(settings.timeoutMs));
  return { params, extra: own.size };
}

/** Instance attributes of the operation itself, such as OCF_CHECK_LEVEL. */
export function operationParameters(
  state: ClusterState,
  node: Node | undefined,
  configured: ReturnType<typeof operationSettings>["operation"],
): ReadonlyMap<string, string> {
  const own = new Map<string, string>();
  if (configured === undefined) return own;
  const sets = nvSetsOf(configured.xml, "instance_attributes", state.cib.byId);
  applySets(sets, ruleContext(state, { attributes: node?.attributes }), own, { overwrite: true });
  return own;
}
