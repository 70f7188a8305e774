import { entryOf } from "../lib/entry-of.js";
import { loadConfig } from "../lib/config/load.js";
import { configSchema, type SourceConfig } from "../lib/config/schema.js";
import { RehomeError } from "../lib/errors.js";
import { nearest } from "../lib/nearest.js";

/** A machine to look at, and what it is called. */
export interface NamedSource {
  readonly name: string;
  readonly source: SourceConfig;
}

/** How to log in where no rehome.yaml tells. */
export type LoginOptions = Partial<
  Pick<SourceConfig, "identity" | "passwordFile" | "sudo" | "knownHosts" | "legacyCiphers">
>;

/**
 * A source by its name in rehome.yaml, or by its address (`user@host[:port]`), for which no rehome.yaml is needed.
 * @throws RehomeError usage, config-missing, config-invalid, source-unknown
 */
export async function findSource(nameOrAddress: string, configPath: string, login: LoginOptions): Promise<NamedSource> {
  if (nameOrAddress.includes("@")) return sourceAt(nameOrAddress, login);
  const { sources } = await loadConfig(configPath);
  const source = entryOf(sources, nameOrAddress);
  if (source !== undefined) return { name: nameOrAddress, source: { ...source, ...login } };
  const near = nearest(nameOrAddress, Object.keys(sources));
  throw new RehomeError("source-unknown", `there is no source "${nameOrAddress}"`, {
    path: configPath,
    remedy:
      near === undefined
        ? `sources are ${Object.keys(sources).join(", ") || "none yet"}; a machine that is none is named user@host`
        : `did you mean "${near}"?`,
  });
}

/** A machine by its address. @throws RehomeError usage */
export function sourceAt(address: string, login: LoginOptions): NamedSource {
  const parsed = configSchema.shape.sources.unwrap().valueType.safeParse({ address, ...login });
  if (parsed.success) return { name: address, source: parsed.data };
  const [issue] = parsed.error.issues;
  throw new RehomeError("usage", `"${address}" ${issue?.message ?? "is no address"}`, {
    remedy: "write user@host or user@host:port",
  });
}
