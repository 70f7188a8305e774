import { fileSignature } from "../../cib/store.js";
import { asRehomeError } from "../../../lib/errors.js";
import { runInGroup } from "../../../lib/process-group.js";
import type { Agent } from "../../scheduler/types.js";
import { findOcfAgent } from "./command.js";
import { ocfSurroundings, type AgentSurroundings } from "./environment.js";
import { NO_METADATA, parseMetadata, type AgentMetadata } from "./metadata.js";

/** Longest metadata that is read; agents' are around 10 KiB. */
const KEEP_BYTES = 1024 * 1024;
/** As long as Pacemaker gives an agent for its metadata. */
const TIMEOUT_MS = 30_000;

/** What agents say of themselves. Never rejects: of an agent that says nothing, nothing is known. */
export type MetadataReader = (agent: Agent) => Promise<AgentMetadata>;

/**
 * Asks each agent once, and again when its file was changed.
 * @param onProblem told once of an agent whose metadata cannot be read
 */
export function metadataReader(where: AgentSurroundings, onProblem: (message: string) => void): MetadataReader {
  const known = new Map<string, Promise<AgentMetadata>>();
  return async (agent) => {
    if (agent.class !== "ocf") return NO_METADATA;
    const path = await findOcfAgent(agent, where);
    if (path === undefined) return NO_METADATA;
    const key = `${path} ${fileSignature(path) ?? ""}`;
    const read = known.get(key) ?? ask(path, agent, where, onProblem);
    known.set(key, read);
    return read;
  };
}

async function ask(
  path: string,
  agent: Agent,
  where: AgentSurroundings,
  onProblem: (message: string) => void,
): Promise<AgentMetadata> {
  const name = `${agent.class}:${agent.provider ?? ""}:${agent.type}`;
  const problem = (why: string): AgentMetadata => {
    onProblem(`${name} has no metadata that can be read (${why}): any change of its parameters is a restart`);
    return NO_METADATA;
  };
  try {
    const result = await runInGroup([path, "meta-data"], {
      env: { ...ocfSurroundings(agent, where), OCF_RESOURCE_INSTANCE: agent.type },
      timeoutMs: TIMEOUT_MS,
      keepBytes: KEEP_BYTES,
    });
    if (result.timedOut) return problem(`did not end within ${TIMEOUT_MS / 1000} s`);
    if (result.exitCode !== 0) return problem(`exit code ${result.exitCode ?? result.signal ?? "unknown"}`);
    return parseMetadata(result.stdout, name);
  } catch (thrown) {
    return problem(asRehomeError(thrown).message);
  }
}
