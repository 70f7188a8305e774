import type { Host } from "../lib/host/types.js";
import { inspectMachine } from "./physical/inspect.js";
import type { Machine, SourceKind } from "./types.js";

/** What a kind of source must be able to do. One folder a kind; this is the list of them. */
export interface Migrator {
  readonly kind: SourceKind;
  /** One line for people. */
  readonly title: string;
  /** Describes a machine; reads only. @throws RehomeError output-unreadable, connection-lost, command-timeout, cancelled */
  inspect(host: Host, signal?: AbortSignal): Promise<Machine>;
}

const MIGRATORS: Readonly<Record<SourceKind, Migrator>> = {
  physical: {
    kind: "physical",
    title: "a machine that is reached over SSH and copied from within, whatever it runs on",
    inspect: inspectMachine,
  },
};

export function migratorOf(kind: SourceKind): Migrator {
  return MIGRATORS[kind];
}
