import fc from "fast-check";

/** A KVM cluster as this test imagines one, before anything is known to run, and what happens to it afterwards. */
export interface Shape {
  readonly nodes: readonly NodeShape[];
  readonly options: Readonly<Record<string, string>>;
  readonly stickiness: number;
  readonly drbd: readonly DrbdShape[];
  readonly guests: readonly GuestShape[];
  readonly group: GroupShape | undefined;
  readonly ping: boolean;
  readonly mount: { readonly interleave: boolean } | undefined;
  readonly pairs: readonly PairShape[];
  readonly events: readonly Event[];
}

export interface NodeShape {
  readonly pingd: number | undefined;
  readonly cpu: number;
}

export interface DrbdShape {
  /** The `master-` attribute by node; undefined where the agent has set none. */
  readonly scores: readonly (number | undefined)[];
  readonly promotedMax: number;
  readonly interleave: boolean;
}

export interface GuestShape {
  readonly allowMigrate: boolean;
  readonly drbd: number | undefined;
  readonly onPing: boolean;
  readonly prefers: { readonly node: number; readonly score: number } | undefined;
  readonly meta: Readonly<Record<string, string>>;
  readonly cpu: number;
  readonly onMount: boolean;
}

export interface GroupShape {
  readonly size: number;
  readonly drbd: number | undefined;
}

/** A constraint between two guests (or the group, by number after them). */
export interface PairShape {
  readonly kind: "colocation" | "order" | "colocation-set" | "order-set";
  readonly first: number;
  readonly second: number;
  readonly score: number;
  readonly order: string;
  readonly sequential: boolean;
}

export type Event =
  | { readonly kind: "standby" | "maintenance" | "down" | "fail" | "up"; readonly node: number }
  | { readonly kind: "target-role" | "unmanage"; readonly resource: number; readonly role: string }
  | { readonly kind: "monitor"; readonly resource: number; readonly node: number; readonly rc: number }
  | { readonly kind: "failcount"; readonly resource: number; readonly node: number; readonly count: number }
  | { readonly kind: "ban" | "prefer"; readonly resource: number; readonly node: number }
  | { readonly kind: "parameter"; readonly resource: number };

const maybe = <T>(arbitrary: fc.Arbitrary<T>, freq = 1): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined, freq });

const number = (max: number): fc.Arbitrary<number> => fc.nat({ max });
const scores = fc.constantFrom(-1_000_000, -500, -1, 1, 100, 500, 1_000_000);

const guest: fc.Arbitrary<GuestShape> = fc.record({
  allowMigrate: fc.boolean(),
  drbd: maybe(number(1)),
  onPing: fc.boolean(),
  prefers: maybe(fc.record({ node: number(3), score: fc.constantFrom(-1_000_000, -10, 10, 200, 1_000_000) })),
  meta: fc.record(
    {
      priority: fc.constantFrom("0", "5", "10"),
      "resource-stickiness": fc.constantFrom("0", "50", "INFINITY"),
      "migration-threshold": fc.constantFrom("1", "3"),
      "target-role": fc.constantFrom("Started", "Stopped"),
      "is-managed": fc.constantFrom("true", "true", "false"),
    },
    { requiredKeys: [] },
  ),
  cpu: number(3),
  onMount: fc.boolean(),
});

const event: fc.Arbitrary<Event> = fc.oneof(
  fc.record({ kind: fc.constantFrom("standby", "maintenance", "down", "fail", "up"), node: number(3) }),
  fc.record({
    kind: fc.constantFrom("target-role", "unmanage"),
    resource: number(6),
    role: fc.constantFrom("Started", "Stopped"),
  }),
  fc.record({ kind: fc.constant("monitor"), resource: number(6), node: number(3), rc: fc.constantFrom(1, 7) }),
  fc.record({ kind: fc.constant("failcount"), resource: number(6), node: number(3), count: fc.constantFrom(1, 3) }),
  fc.record({ kind: fc.constantFrom("ban", "prefer"), resource: number(6), node: number(3) }),
  fc.record({ kind: fc.constant("parameter"), resource: number(6) }),
);

export const shapes: fc.Arbitrary<Shape> = fc.record({
  nodes: fc.array(fc.record({ pingd: maybe(fc.constantFrom(0, 100, 200), 4), cpu: fc.integer({ min: 1, max: 6 }) }), {
    minLength: 2,
    maxLength: 4,
  }),
  options: fc.record(
    {
      "no-quorum-policy": fc.constantFrom("stop", "ignore", "freeze"),
      "placement-strategy": fc.constantFrom("default", "utilization", "minimal", "balanced"),
      "concurrent-fencing": fc.constantFrom("true", "false"),
      "stonith-enabled": fc.constantFrom("true", "true", "true", "false"),
      "stop-all-resources": fc.constantFrom("false", "false", "false", "true"),
      "maintenance-mode": fc.constantFrom("false", "false", "false", "true"),
      "symmetric-cluster": fc.constantFrom("true", "true", "true", "false"),
    },
    { requiredKeys: [] },
  ),
  stickiness: fc.constantFrom(0, 1, 100, 1000),
  drbd: fc.array(
    fc.record({
      scores: fc.array(maybe(fc.constantFrom(5, 1000, 10_000), 4), { minLength: 4, maxLength: 4 }),
      promotedMax: fc.constantFrom(1, 1, 1, 2),
      interleave: fc.boolean(),
    }),
    { maxLength: 2 },
  ),
  guests: fc.array(guest, { minLength: 1, maxLength: 4 }),
  group: maybe(fc.record({ size: fc.integer({ min: 1, max: 3 }), drbd: maybe(number(1)) })),
  ping: fc.boolean(),
  mount: maybe(fc.record({ interleave: fc.boolean() })),
  pairs: fc.array(
    fc.record({
      kind: fc.constantFrom("colocation", "order", "colocation-set", "order-set"),
      first: number(4),
      second: number(4),
      score: scores,
      order: fc.constantFrom("Mandatory", "Optional", "Serialize"),
      sequential: fc.boolean(),
    }),
    { maxLength: 3 },
  ),
  events: fc.array(event, { maxLength: 3 }),
});
