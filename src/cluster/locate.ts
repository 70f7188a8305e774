import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { loadConfig } from "../lib/config/load.js";
import { clusterPaths, type ClusterPaths } from "./paths.js";

/** As the schema of rehome.yaml has it. */
const DEFAULT_STATE = "/var/lib/rehome";

/**
 * The cluster that a command is about: the folder it was given, else the one of the configuration file where there is
 * one, else the default.
 * @throws RehomeError config-invalid
 */
export async function locateCluster(flags: {
  readonly state: string | undefined;
  readonly config: string;
}): Promise<ClusterPaths> {
  if (flags.state !== undefined) return clusterPaths(resolve(flags.state));
  if (!existsSync(flags.config)) return clusterPaths(DEFAULT_STATE);
  return clusterPaths((await loadConfig(flags.config)).target.state);
}
