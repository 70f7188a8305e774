/**
 * What the scheduler decides: the public model. A transition is a set of actions and the orders between them, in
 * the words of Pacemaker's transition graph, with everything an executor needs and nothing of how it was decided.
 */

export const ROLES = ["Unknown", "Stopped", "Started", "Unpromoted", "Promoted"] as const;
export type Role = (typeof ROLES)[number];

/** `rsc`: an operation of an agent; `pseudo`: a point in time only; `cluster`: done by the cluster manager itself. */
export type ActionKind = "rsc" | "pseudo" | "cluster";

export interface Agent {
  readonly class: string;
  readonly provider?: string;
  readonly type: string;
}

/** The resource an action is for, as the executor knows it. */
export interface ActionResource {
  /** The id operations are recorded under: without the instance number for anonymous clones. */
  readonly id: string;
  /** The instance in this transition, such as `drbd:0`. */
  readonly longId: string;
  readonly agent: Agent;
}

export interface Action {
  /** `kind:key@node`, unique in the transition. */
  readonly id: string;
  readonly kind: ActionKind;
  /**
   * An agent's operation (start, stop, monitor, promote, demote, notify, migrate_to, migrate_from, reload-agent, delete:
   * forget its history), of the cluster (clear_failcount, cancel: end a recurring monitor, stonith: fence `node`,
   * do_shutdown), or the name of a pseudo action (running, stopped, promoted …).
   */
  readonly task: string;
  /** `RESOURCE_TASK_INTERVAL`, or for fencing `stonith-NODE-OPERATION`. */
  readonly key: string;
  /** Where it is run; for stonith, its target. */
  readonly node?: string;
  readonly nodeId?: string;
  /** The cluster node that passes the action on, when `node` is a remote or guest node. */
  readonly router?: string;
  readonly resource?: ActionResource;
  /** Of recurring operations; 0 otherwise. For `cancel`, that of the operation to end. */
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly startDelayMs: number;
  /** The agent's return code that counts as success (7 for a probe of a stopped resource, 8 for a promoted one). */
  readonly targetRc: number;
  /** Instance attributes; passed as OCF_RESKEY_name. */
  readonly params: Readonly<Record<string, string>>;
  /** Passed as OCF_RESKEY_CRM_meta_name, dashes as underscores; notify variables of clones among them. */
  readonly meta: Readonly<Record<string, string>>;
  /** Higher is executed first among those that may run; 0 by default. */
  readonly priority: number;
  /** A failure of this action does not end the transition. */
  readonly canFail: boolean;
}

/** `first` has to be finished before `then` is begun; both are action ids. */
export interface Order {
  readonly first: string;
  readonly then: string;
}

/** One instance of a resource and where it ends up. */
export interface Place {
  readonly role: Exclude<Role, "Unknown">;
  /** Node names, sorted. */
  readonly nodes: readonly string[];
  readonly blocked?: true;
  readonly failed?: true;
  readonly orphaned?: true;
  readonly managed?: false;
}

/** Keys are paths such as `clone/group/resource`. */
export type Placement = Readonly<Record<string, readonly Place[]>>;

export const NODE_FLAGS = ["online", "standby", "maintenance", "pending", "unclean", "shutdown"] as const;
export type NodeFlag = (typeof NODE_FLAGS)[number];

/** Where everything is at a moment. */
export interface Situation {
  readonly placement: Placement;
  /** By node name. */
  readonly nodes: Readonly<Record<string, readonly NodeFlag[]>>;
}

/**
 * The moment a score is taken: before a group's members or a clone's instances are placed one by one, right before a
 * resource is placed, or when the instances to promote are chosen.
 */
export const SCORE_STAGES = ["clone", "group", "resource", "promotion"] as const;
export type ScoreStage = (typeof SCORE_STAGES)[number];

/** A score during assignment, for explanations: why a resource is where it is. */
export interface Score {
  readonly stage: ScoreStage;
  readonly resource: string;
  /** Missing for the promotion score of an instance that has no node. */
  readonly node?: string;
  /** A number, or ±1000000 for ±INFINITY. */
  readonly score: number;
}

/** The settings an executor needs while it carries the transition out. Times in ms. */
export interface ExecutionSettings {
  readonly clusterDelayMs: number;
  readonly stonithTimeoutMs: number;
  /** The number of actions under way at once; 0 for no limit of the configuration's. */
  readonly batchLimit: number;
  /** Live migrations at once on a node; -1 for no limit. */
  readonly migrationLimit: number;
  readonly startFailureIsFatal: boolean;
}

export interface Transition {
  readonly actions: readonly Action[];
  readonly orders: readonly Order[];
  /** Before the transition; where everything is after it, only carrying it out can tell. */
  readonly present: Situation;
  /** In the order in which they counted. */
  readonly scores: readonly Score[];
  readonly settings: ExecutionSettings;
  /** Time in ms since the epoch at which the decision may change without an event (a failure or rule expires). */
  readonly recheckAt?: number;
  /** Features the configuration uses and the scheduler does not understand; the transition cannot be trusted then. */
  readonly unsupported: readonly string[];
  /** What an administrator should know: lower case, no full stop. */
  readonly warnings: readonly string[];
}
