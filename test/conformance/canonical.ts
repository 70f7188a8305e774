import type { Action, Transition } from "../../src/cluster/scheduler/types.js";

/** One action in the canonical form of the suite. */
export interface CanonicalAction {
  readonly kind: string;
  readonly task: string;
  readonly key: string;
  readonly resource?: string;
  readonly agent?: string;
  readonly node?: string;
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
  readonly unsupported?: readonly string[];
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

/** A transition in the canonical form, so that it can be compared with what Pacemaker does. */
export function canonicalForm(transition: Transition): Canonical {
  return {
    actions: Object.fromEntries(transition.actions.map((action) => [action.id, canonicalAction(action)])),
    orders: transition.orders.map(({ first, then }) => [first, then] as const),
    placement: transition.placement,
    ...(transition.unsupported.length > 0 && { unsupported: transition.unsupported }),
  };
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
    ...(Object.keys(meta).length > 0 && { meta }),
    ...(Object.keys(params).length > 0 && { params }),
    ...(action.priority !== 0 && { priority: action.priority }),
  };
}
