import type { XmlElement } from "../../lib/xml.js";
import type { NvSet } from "../cib/nvsets.js";
import type { Cib } from "../cib/types.js";
import type { ClusterOptions } from "./configuration/options.js";
import type { Role, Score } from "./types.js";
import type { WorkAction } from "./actions/work-action.js";

/**
 * The working state of one scheduling run. It is made by the first stage, and each stage adds to it; nothing of it
 * outlives the run.
 */
export interface ClusterState {
  readonly cib: Cib;
  /** ms since the epoch */
  readonly now: number;
  readonly options: ClusterOptions;
  readonly nodes: Node[];
  readonly nodeById: Map<string, Node>;
  readonly nodeByName: Map<string, Node>;
  dcNode: Node | undefined;
  /** Top-level resources, highest priority first. */
  resources: Resource[];
  readonly resourceById: Map<string, Resource>;
  /** Tags and templates: what a name in a constraint stands for. */
  readonly tags: Map<string, string[]>;
  readonly tickets: Map<string, Ticket>;
  readonly actions: WorkAction[];
  readonly actionsByKey: Map<string, WorkAction[]>;
  readonly orderings: Ordering[];
  readonly colocations: Colocation[];
  readonly locations: Location[];
  haveQuorum: boolean;
  haveFenceDevice: boolean;
  unfencing: boolean;
  haveRemoteNodes: boolean;
  recheckAt: number | undefined;
  /** Whether any resource was seen to need an operation in spite of maintenance or being unmanaged. */
  readonly unsupported: Set<string>;
  readonly warnings: Set<string>;
  /** Recurring monitors whose failure expired: they are begun anew. */
  readonly rescheduled: Set<XmlElement>;
  /** Operations whose history shows that they failed. */
  readonly failedOperations: { node: Node; entry: XmlElement }[];
  readonly scores: Score[];
}

export interface Ticket {
  readonly id: string;
  granted: boolean;
  standby: boolean;
}

export interface Node {
  readonly id: string;
  readonly name: string;
  readonly type: "cluster" | "remote" | "ping";
  online: boolean;
  standby: boolean;
  standbyOnFail: boolean;
  pending: boolean;
  unclean: boolean;
  /** No status of it is known. */
  unseen: boolean;
  shutdown: boolean;
  expectedUp: boolean;
  isDc: boolean;
  maintenance: boolean;
  discoveryEnabled: boolean;
  unpacked: boolean;
  /** The base of every resource's score; -INFINITY for one that is not online. */
  weight: number;
  priority: number;
  /** Sum of health attributes under the node health strategy. */
  health: number;
  readonly attributes: Map<string, string>;
  readonly utilization: Map<string, string>;
  /** Primitives active on it. */
  readonly running: Resource[];
  /** Primitives assigned to it. */
  readonly assigned: Resource[];
  /** Instances assigned to it, for balancing. */
  assignedCount: number;
  /** The resource that is this node's connection. */
  remoteResource: Resource | undefined;
  remoteRequiresReset: boolean;
  remoteWasFenced: boolean;
  /** Remaining capacity while resources are assigned. */
  readonly capacity: Map<string, number>;
}

/** A node as one resource sees it. */
export interface Candidate {
  readonly node: Node;
  weight: number;
  /** Instances of a clone that are assigned to it. */
  count: number;
  discovery: Discovery;
}

export const DISCOVERY = { always: 0, never: 1, exclusive: 2 } as const;
export type Discovery = (typeof DISCOVERY)[keyof typeof DISCOVERY];

export type Variant = "primitive" | "group" | "clone" | "bundle";
export type Recovery = "stop_start" | "stop_only" | "block" | "stop_unexpected";

export interface Operation {
  readonly id: string;
  readonly name: string;
  readonly intervalMs: number;
  readonly role: Role | undefined;
  readonly enabled: boolean;
  readonly xml: XmlElement;
}

export interface CloneSettings {
  readonly max: number;
  readonly nodeMax: number;
  readonly promotedMax: number;
  readonly promotedNodeMax: number;
  /** Instances are told apart, as by different parameters; of others, each is as good as any. */
  readonly unique: boolean;
  readonly interleave: boolean;
  readonly ordered: boolean;
  /** What an instance is made of. */
  readonly template: XmlElement;
  /** `clone-min`: how many instances have to run for what is ordered after the clone. */
  readonly min: number;
  total: number;
  promotedActual: number;
  /** Of clones whose agents want to be notified, by operation: start, stop, promote, demote. */
  readonly notifications: Map<string, NotificationPoints>;
}

/**
 * The points in time between which the active instances of a clone are notified of an operation: before any instance
 * begins it, and after all have finished it.
 */
export interface NotificationPoints {
  /** What they surround: the clone's own points at which the operation begins and is finished. */
  readonly begin: WorkAction;
  readonly finish: WorkAction;
  readonly before: WorkAction;
  readonly beforeConfirmed: WorkAction;
  readonly after: WorkAction;
  readonly afterConfirmed: WorkAction;
}

export interface Resource {
  id: string;
  /** The id the history knows an anonymous instance by. */
  historyId: string | undefined;
  readonly variant: Variant;
  readonly xml: XmlElement;
  /** Sets of a template and the resource's own, in that order. */
  readonly instanceSets: readonly NvSet[];
  readonly operations: readonly Operation[];
  parent: Resource | undefined;
  readonly children: Resource[];
  readonly meta: Map<string, string>;
  readonly utilization: Map<string, string>;
  readonly agent: { class: string; provider: string | undefined; type: string };
  readonly clone: CloneSettings | undefined;
  /** Of groups. */
  readonly ordered: boolean;
  readonly collocated: boolean;
  readonly instanceNumber: number | undefined;

  // configuration
  orphan: boolean;
  managed: boolean;
  maintenance: boolean;
  notify: boolean;
  unique: boolean;
  promotable: boolean;
  fenceDevice: boolean;
  allowMigrate: boolean;
  critical: boolean;
  requires: "nothing" | "quorum" | "fencing" | "unfencing";
  recovery: Recovery;
  priority: number;
  stickiness: number;
  migrationThreshold: number;
  /** ms; 0 for none */
  failureTimeoutMs: number;
  exclusiveDiscovery: boolean;
  isRemoteNode: boolean;
  /** Of connections that are lost: how long they are left alone, in ms; 0 when they are not. */
  reconnectMs: number;
  container: Resource | undefined;
  readonly fillers: Resource[];

  // state
  role: Role;
  nextRole: Role;
  blocked: boolean;
  failed: boolean;
  /** Has to be stopped, whatever else. */
  mustStop: boolean;
  startPending: boolean;
  failureIgnored: boolean;
  reload: boolean;
  readonly runningOn: Node[];
  readonly knownOn: Set<Node>;
  partialMigrationTarget: Node | undefined;
  partialMigrationSource: Node | undefined;
  readonly danglingMigrations: Node[];
  pendingTask: string | undefined;
  pendingNode: Node | undefined;
  /** The node it waits for, after that was shut down cleanly. */
  lock: { readonly node: Node; readonly sinceMs: number } | undefined;

  // assignment
  allowed: Map<Node, Candidate>;
  provisional: boolean;
  assigning: boolean;
  assignedTo: Node | undefined;
  looping: boolean;
  promotionScore: number;
  sortIndex: number;
  /** Nodes the current instances of an allocated clone count on. */
  readonly actions: WorkAction[];
  /** Colocations in which this one is the dependent, resp. the primary; in order of processing. */
  readonly colocatedWith: Colocation[];
  readonly dependents: Colocation[];
  readonly locations: Location[];
  readonly tickets: TicketConstraint[];
  restarting: boolean;
  /** Copies where it is not expected are stopped, the expected one stays. */
  stopsUnexpected: boolean;
  /** Resolved instance attributes by node; undefined key: no node. */
  readonly parameterCache: Map<Node | undefined, ReadonlyMap<string, string>>;
}

export interface Location {
  readonly id: string;
  readonly resource: Resource;
  /** The constraint counts only for a resource that will be in this role. */
  readonly role: Role | undefined;
  readonly discovery: Discovery;
  readonly nodes: Map<Node, number>;
}

export interface Colocation {
  readonly id: string;
  readonly dependent: Resource;
  readonly primary: Resource;
  readonly score: number;
  readonly dependentRole: Role | undefined;
  readonly primaryRole: Role | undefined;
  readonly nodeAttribute: string;
  /** Whether the dependent's wishes count when the primary is placed. */
  readonly influence: boolean;
}

export interface TicketConstraint {
  readonly id: string;
  readonly resource: Resource;
  readonly ticket: Ticket;
  readonly role: Role | undefined;
  readonly lossPolicy: "stop" | "demote" | "freeze" | "fence";
}

export interface Ordering {
  readonly id: number;
  readonly first: OrderEnd;
  readonly then: OrderEnd;
  readonly flags: number;
  readonly node: Node | undefined;
}

/** One end of an ordering: an action that exists, or all actions of a resource with this key or task. */
export interface OrderEnd {
  readonly resource: Resource | undefined;
  readonly key: string | undefined;
  readonly action: WorkAction | undefined;
}

export function copyAllowed(allowed: Map<Node, Candidate>): Map<Node, Candidate> {
  return new Map([...allowed].map(([node, candidate]) => [node, { ...candidate }]));
}

/** The score a node starts with for one resource. */
export function makeCandidate(node: Node, weight: number): Candidate {
  return { node, weight, count: 0, discovery: DISCOVERY.always };
}
