import type { XmlElement } from "../../lib/xml.js";
import type { FindById } from "./nvsets.js";

/** A CIB as read: its sections, and an index of its ids. */
export interface Cib {
  readonly root: XmlElement;
  /** `have-quorum`; undefined when the CIB does not say. */
  readonly haveQuorum: boolean | undefined;
  /** Whether the cluster had quorum at some time since it was started (`no-quorum-panic`). */
  readonly quorumPanic: boolean;
  readonly dcId: string | undefined;
  readonly configuration: XmlElement;
  readonly crmConfig: XmlElement;
  readonly nodes: readonly XmlElement[];
  readonly resources: readonly XmlElement[];
  readonly constraints: readonly XmlElement[];
  readonly tags: readonly XmlElement[];
  readonly rscDefaults: XmlElement;
  readonly opDefaults: XmlElement;
  readonly status: readonly XmlElement[];
  readonly byId: FindById;
}

/** One entry of a resource's operation history on a node. */
export interface HistoryEntry {
  readonly id: string;
  /** The operation's key, such as `web_monitor_10000`; entries like `web_last_0` stand for several. */
  readonly key: string;
  readonly task: string;
  readonly intervalMs: number;
  /** -1 for one that is under way. */
  readonly callId: number;
  readonly status: number;
  readonly rc: number;
  readonly targetRc: number;
  readonly transitionKey: string | undefined;
  /** Of the transition and the scheduler process that made it; -1 when not known. */
  readonly transitionId: number;
  readonly transitionUuid: string;
  /** Seconds since the epoch; undefined when not recorded. */
  readonly lastChange: number | undefined;
  readonly migrateSource: string | undefined;
  readonly migrateTarget: string | undefined;
  readonly exitReason: string | undefined;
  readonly xml: XmlElement;
}
