import type { SourceConfig } from "../lib/config/schema.js";
import type { Host } from "../lib/host/types.js";
import { physicalControl } from "./physical/control/index.js";
import { inspectMachine } from "./physical/inspect.js";
import type { SourceControl } from "./source-control.js";
import type { Machine, SourceKind } from "./types.js";
import { xenControl } from "./xen/control/index.js";
import { inspectDomain } from "./xen/inspect.js";

/** What a kind of source must be able to do. One folder a kind; this is the list of them. */
export interface Migrator {
  readonly kind: SourceKind;
  /** One line for people. */
  readonly title: string;
  /**
   * Describes a machine; reads only.
   * @param host where the source's address leads
   * @throws RehomeError output-unreadable, connection-lost, command-timeout, cancelled
   */
  inspect(host: Host, source: SourceConfig, signal?: AbortSignal): Promise<Machine>;
  /** How a cutover brings it to rest and back. */
  readonly control: SourceControl;
}

const MIGRATORS: Readonly<Record<SourceKind, Migrator>> = {
  physical: {
    kind: "physical",
    title: "a machine that is reached over SSH and copied from within, whatever it runs on",
    inspect: (host, _source, signal) => inspectMachine(host, signal),
    control: physicalControl,
  },
  xen: {
    kind: "xen",
    title: "a domain of a Xen host, which is reached over SSH and has its disks copied from there",
    inspect: (host, { domain = "" }, signal) => inspectDomain(host, domain, signal),
    control: xenControl,
  },
};

export function migratorOf(kind: SourceKind): Migrator {
  return MIGRATORS[kind];
}
