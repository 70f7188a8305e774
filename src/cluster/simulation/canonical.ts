import { INFINITY } from "../scheduler/score.js";
import type { Action, NodeFlag, Score, ScoreStage, Situation, Transition } from "../scheduler/types.js";

/** One action in the canonical form, in which schedulers are compared: what is done, free of how it is written. */
export interface CanonicalAction {
  readonly kind: string;
  readonly task: string;
  readonly key: string;
  readonly resource?: string;
  readonly agent?: string;
  readonly node?: string;
  /** The cluster node that passes the action on to a remote or guest node. */
  readonly router?: string;
  readonly meta?: Readonly<Record<string, string>>;
  readonly params?: Readonly<Record<string, string>>;
  readonly priority?: number;
}

export interface Canonical {
  readonly actions: Readonly<Record<string, CanonicalAction>>;
  readonly orders: readonly (readonly [string, string])[];
  readonly placement?: Readonly<
    Record<string, readonly { readonly role?: string; readonly nodes?: readonly string[] }[]>
  >;
  /** By node name. */
  readonly nodes?: Readonly<Record<string, readonly NodeFlag[]>>;
  readonly unsupported?: readonly string[];
  /** Kind of the score, and its attributes as crm_simulate prints them. */
  readonly scores?: readonly (readonly [string, Readonly<Record<string, string>>])[];
}

const META = [
  "interval",
  "op_target_rc",
  "timeout",
  "stonith_action",
  "migrate_source",
  "migrate_target",
  "start_delay",
];

/**
 * A transition in the canonical form, so that it can be compared with what Pacemaker does.
 * @param after where everything is when it was carried out
 */
export function canonicalForm(transition: Transition, after: Situation): Canonical {
  return {
    actions: Object.fromEntries(transition.actions.map((action) => [action.id, canonicalAction(action)])),
    orders: transition.orders.map(({ first, then }) => [first, then] as const),
    ...after,
    scores: transition.scores.map(canonicalScore),
    ...(transition.unsupported.length > 0 && { unsupported: transition.unsupported }),
  };
}

const FUNCTIONS: Readonly<Record<ScoreStage, string>> = {
  clone: "pcmk__clone_allocate",
  group: "pcmk__group_assign",
  resource: "pcmk__primitive_assign",
  promotion: "",
};

function canonicalScore({ stage, resource, node, score }: Score): readonly [string, Readonly<Record<string, string>>] {
  const value = Math.abs(score) < INFINITY ? String(score) : score < 0 ? "-INFINITY" : "INFINITY";
  const common = { id: resource, ...(node !== undefined && { node }), score: value };
  return stage === "promotion"
    ? ["promotion_score", common]
    : ["node_weight", { ...common, function: FUNCTIONS[stage] }];
}

function canonicalAction(action: Action): CanonicalAction {
  const meta = Object.fromEntries(Object.entries(action.meta).filter(([name]) => META.includes(name)));
  const { resource, params } = action;
  const agent = resource && [resource.agent.class, resource.agent.provider, resource.agent.type];
  return {
    ...{ kind: action.kind, task: action.task, key: action.key },
    ...(resource && { resource: resource.longId }),
    ...(agent && { agent: agent.filter((part) => part !== undefined).join(":") }),
    ...(action.node !== undefined && { node: action.node }),
    ...(action.router !== undefined && { router: action.router }),
    ...(Object.keys(meta).length > 0 && { meta }),
    ...(Object.keys(params).length > 0 && { params }),
    ...(action.priority !== 0 && { priority: action.priority }),
  };
}
