import { FEATURE_SET } from "../../cib/edit.js";
import type { Agent } from "../../scheduler/types.js";
import type { Operation } from "../types.js";

/** Where agents and their helpers are. */
export interface AgentSurroundings {
  /** Folders of OCF agents, PROVIDER/TYPE below each; Debian's is /usr/lib/ocf/resource.d. */
  readonly agentFolders: readonly string[];
  /** Folder of fence agents; Debian's is /usr/sbin. */
  readonly fenceFolder: string;
  /** Stand-ins for Pacemaker's own tools, found before all others. */
  readonly shims: string;
  /** The runtime's socket, for the stand-ins. */
  readonly socket: string;
}

const OCF_ROOT = "/usr/lib/ocf";
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Of the runtime's own environment, what a program rightly expects to have. */
const INHERITED = ["HOME", "LANG", "TMPDIR", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"];

/** Names with a meaning to Pacemaker that is not one of the agent's parameters. */
const OWN_NAMES = ["OCF_CHECK_LEVEL"];

/**
 * The environment that Pacemaker gives an OCF agent ("Pacemaker Administration", and as seen with 2.1.5): parameters
 * as OCF_RESKEY_name, what the cluster knows of the operation as OCF_RESKEY_CRM_meta_name.
 */
export function ocfEnvironment(operation: Operation, where: AgentSurroundings): Readonly<Record<string, string>> {
  const { agent, id, longId } = operation.resource;
  const unique = operation.meta["globally_unique"] === "true";
  return {
    ...parameters(operation),
    ...metaAttributes(operation),
    ...ocfSurroundings(agent, where),
    OCF_RESOURCE_INSTANCE: unique ? longId : id,
    OCF_RESKEY_crm_feature_set: FEATURE_SET,
  };
}

/** What an OCF agent gets for whatever it is asked to do. */
export function ocfSurroundings(agent: Agent, where: AgentSurroundings): Readonly<Record<string, string>> {
  return {
    ...plainEnvironment(where),
    OCF_RA_VERSION_MAJOR: "1",
    OCF_RA_VERSION_MINOR: "1",
    OCF_ROOT,
    OCF_EXIT_REASON_PREFIX: "ocf-exit-reason:",
    OCF_RESOURCE_TYPE: agent.type,
    ...(agent.provider !== undefined && { OCF_RESOURCE_PROVIDER: agent.provider }),
  };
}

/** What any agent gets, whatever its class. */
export function plainEnvironment(where: AgentSurroundings): Readonly<Record<string, string>> {
  const inherited = INHERITED.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    ...Object.fromEntries(inherited),
    PATH: `${where.shims}:${PATH}`,
    LC_ALL: "C",
    // Agents call some helpers by their full path below HA_SBIN_DIR.
    HA_SBIN_DIR: where.shims,
    HA_debug: "0",
    REHOME_RUNTIME_SOCKET: where.socket,
  };
}

function parameters(operation: Operation): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(operation.params).map(([name, value]) => [
      OWN_NAMES.includes(name) ? name : `OCF_RESKEY_${name}`,
      value,
    ]),
  );
}

function metaAttributes(operation: Operation): Readonly<Record<string, string>> {
  const isProbe = operation.task === "monitor" && operation.intervalMs === 0;
  const meta: Record<string, string> = {
    ...(isProbe ? {} : { name: operation.task }),
    ...operation.meta,
    timeout: `${operation.timeoutMs}`,
    on_node: operation.node.name,
    on_node_uuid: operation.node.id,
    ...(operation.intervalMs > 0 && { interval: `${operation.intervalMs}` }),
  };
  return Object.fromEntries(
    Object.entries(meta).map(([name, value]) => [`OCF_RESKEY_CRM_meta_${name.replaceAll("-", "_")}`, value]),
  );
}
