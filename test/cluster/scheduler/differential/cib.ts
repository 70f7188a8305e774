import { element, type XmlElement } from "../../../../src/lib/xml.js";
import type { GuestShape, PairShape, Shape } from "./shape.js";

let ids = 0;

function pairs(name: string, values: Readonly<Record<string, string>>): readonly XmlElement[] {
  if (Object.keys(values).length === 0) return [];
  const set = `${name}-${String((ids += 1))}`;
  const nvpairs = Object.entries(values).map(([key, value]) =>
    element("nvpair", { id: `${set}-${key}`, name: key, value }),
  );
  return [element(name, { id: set }, nvpairs)];
}

function operations(id: string, specs: readonly Readonly<Record<string, string>>[]): XmlElement {
  return element(
    "operations",
    {},
    specs.map((spec, index) => element("op", { id: `${id}-op-${String(index)}`, ...spec })),
  );
}

const monitor = { name: "monitor", interval: "30s", timeout: "20s" };

interface Primitive {
  readonly type: string;
  readonly class?: string;
  readonly provider?: string;
  readonly meta?: Readonly<Record<string, string>>;
  readonly params?: Readonly<Record<string, string>>;
  readonly utilization?: Readonly<Record<string, string>>;
  readonly operations?: readonly Readonly<Record<string, string>>[];
}

function primitive(id: string, given: Primitive): XmlElement {
  const { class: agentClass = "ocf", provider = "heartbeat", type } = given;
  return element("primitive", { id, class: agentClass, ...(agentClass === "ocf" && { provider }), type }, [
    ...pairs("meta_attributes", given.meta ?? {}),
    ...pairs("utilization", given.utilization ?? {}),
    ...pairs("instance_attributes", given.params ?? {}),
    operations(id, given.operations ?? [monitor]),
  ]);
}

export const nodeName = (shape: Shape, index: number): string => `kvm${String((index % shape.nodes.length) + 1)}`;

/** What events are about: guests, the group's members, the replicated disks and the pings, by number. */
export function primitiveNames(shape: Shape): readonly string[] {
  return [
    ...shape.guests.map((_, index) => `guest${String(index + 1)}`),
    ...Array.from({ length: shape.group?.size ?? 0 }, (_, index) => `member${String(index + 1)}`),
    ...shape.drbd.map((_, index) => `drbd${String(index + 1)}`),
    ...(shape.ping ? ["ping"] : []),
    ...(shape.mount === undefined ? [] : ["mount"]),
  ];
}

function resources(shape: Shape): readonly XmlElement[] {
  const fencing = shape.nodes.map((_, index) =>
    primitive(`fence${String(index + 1)}`, {
      ...{ class: "stonith", type: "fence_ipmilan", params: { pcmk_host_list: nodeName(shape, index) } },
      operations: [{ ...monitor, interval: "60s" }],
    }),
  );
  const drbd = shape.drbd.map(({ promotedMax, interleave }, index) => {
    const id = `drbd${String(index + 1)}`;
    const roles = ["Promoted", "Unpromoted"].map((role, at) => ({ ...monitor, role, interval: `${String(29 + at)}s` }));
    return element("clone", { id: `${id}-clone` }, [
      ...pairs("meta_attributes", {
        ...{ promotable: "true", notify: "true", "promoted-max": String(promotedMax), "clone-max": "2" },
        ...(interleave && { interleave: "true" }),
      }),
      primitive(id, { provider: "linbit", type: "drbd", params: { drbd_resource: id }, operations: roles }),
    ]);
  });
  const guests = shape.guests.map(({ allowMigrate, meta, cpu }, index) => {
    const id = `guest${String(index + 1)}`;
    return primitive(id, {
      type: "VirtualDomain",
      meta: { ...(allowMigrate && { "allow-migrate": "true" }), ...meta },
      params: { config: `/etc/libvirt/qemu/${id}.xml` },
      ...(cpu > 0 && { utilization: { cpu: String(cpu) } }),
    });
  });
  const members = Array.from({ length: shape.group?.size ?? 0 }, (_, index) =>
    primitive(`member${String(index + 1)}`, { type: index === 0 ? "Filesystem" : "IPaddr2" }),
  );
  const ping = primitive("ping", { provider: "pacemaker", type: "ping" });
  return [
    ...fencing,
    ...drbd,
    ...(shape.mount === undefined
      ? []
      : [
          element("clone", { id: "mount-clone" }, [
            ...pairs("meta_attributes", { interleave: String(shape.mount.interleave) }),
            primitive("mount", { type: "Filesystem" }),
          ]),
        ]),
    ...guests,
    ...(members.length === 0 ? [] : [element("group", { id: "group" }, members)]),
    ...(shape.ping ? [element("clone", { id: "ping-clone" }, [ping])] : []),
  ];
}

function constraints(shape: Shape): readonly XmlElement[] {
  const fencing = shape.nodes.map((_, index) =>
    element("rsc_location", {
      ...{ id: `loc-fence${String(index + 1)}`, rsc: `fence${String(index + 1)}` },
      ...{ node: nodeName(shape, index), score: "-INFINITY" },
    }),
  );
  const opened = shape.options["symmetric-cluster"] === "false" ? everywhere(shape) : [];
  const group = shape.group === undefined ? [] : withDrbd(shape, "group", shape.group.drbd);
  const guests = shape.guests.flatMap((guest, index) => guestConstraints(shape, `guest${String(index + 1)}`, guest));
  const free = shape.pairs.flatMap((pair, index) => pairConstraint(shape, pair, `pair${String(index)}`));
  return [...fencing, ...opened, ...group, ...guests, ...free];
}

/** In an opt-in cluster most may run on most nodes. */
function everywhere(shape: Shape): readonly XmlElement[] {
  const tops = resources(shape).map(({ attributes }) => attributes["id"] ?? "");
  return tops.flatMap((rsc, index) =>
    shape.nodes.flatMap((_, node) =>
      (index + node) % 5 === 4
        ? []
        : [element("rsc_location", { id: `in-${rsc}-${String(node)}`, rsc, node: nodeName(shape, node), score: "0" })],
    ),
  );
}

function withDrbd(shape: Shape, rsc: string, number: number | undefined): readonly XmlElement[] {
  if (number === undefined || shape.drbd[number] === undefined) return [];
  const drbd = `drbd${String(number + 1)}-clone`;
  return [
    element("rsc_colocation", {
      ...{ id: `col-${rsc}-${drbd}`, rsc, "with-rsc": drbd, "with-rsc-role": "Promoted", score: "INFINITY" },
    }),
    element("rsc_order", {
      ...{ id: `ord-${rsc}-${drbd}`, first: drbd, "first-action": "promote", then: rsc, "then-action": "start" },
    }),
  ];
}

function guestConstraints(shape: Shape, rsc: string, guest: GuestShape): readonly XmlElement[] {
  const rule = element("rule", { id: `rule-${rsc}`, score: "-INFINITY", "boolean-op": "or" }, [
    element("expression", { id: `rule-${rsc}-0`, attribute: "pingd", operation: "not_defined" }),
    element("expression", { id: `rule-${rsc}-1`, attribute: "pingd", operation: "lte", value: "0", type: "integer" }),
  ]);
  return [
    ...withDrbd(shape, rsc, guest.drbd),
    ...(guest.onPing && shape.ping ? [element("rsc_location", { id: `loc-${rsc}-ping`, rsc }, [rule])] : []),
    ...(guest.prefers === undefined
      ? []
      : [
          element("rsc_location", {
            ...{ id: `loc-${rsc}`, rsc, node: nodeName(shape, guest.prefers.node) },
            score: scoreText(guest.prefers.score),
          }),
        ]),
    ...(guest.onMount && shape.mount !== undefined
      ? [
          element("rsc_colocation", { id: `col-${rsc}-mount`, rsc, "with-rsc": "mount-clone", score: "INFINITY" }),
          element("rsc_order", { id: `ord-${rsc}-mount`, first: "mount-clone", then: rsc }),
        ]
      : []),
  ];
}

function scoreText(score: number): string {
  return Math.abs(score) < 1_000_000 ? String(score) : score < 0 ? "-INFINITY" : "INFINITY";
}

function pairConstraint(shape: Shape, pair: PairShape, id: string): readonly XmlElement[] {
  const all = [
    ...shape.guests.map((_, index) => `guest${String(index + 1)}`),
    ...(shape.group === undefined ? [] : ["group"]),
  ];
  const [first, second] = [all[pair.first % all.length], all[pair.second % all.length]];
  if (first === undefined || second === undefined || first === second) return [];
  const set = element(
    "resource_set",
    { id: `${id}-set`, sequential: String(pair.sequential) },
    [first, second].map((each) => element("resource_ref", { id: each })),
  );
  switch (pair.kind) {
    case "colocation":
      return [element("rsc_colocation", { id, rsc: first, "with-rsc": second, score: scoreText(pair.score) })];
    case "order":
      return [element("rsc_order", { id, first, then: second, kind: pair.order })];
    case "colocation-set":
      return [element("rsc_colocation", { id, score: scoreText(pair.score) }, [set])];
    case "order-set":
      return [element("rsc_order", { id, kind: pair.order }, [set])];
  }
}

/** The CIB of a cluster whose nodes have come up and where nothing runs yet. */
export function bareCib(shape: Shape): XmlElement {
  ids = 0;
  const { options, nodes } = shape;
  const status = nodes.map(({ pingd }, index) => {
    const attributes = {
      ...(pingd !== undefined && { pingd: String(pingd) }),
      ...Object.fromEntries(
        shape.drbd.flatMap(({ scores }, number) => {
          const score = scores[index];
          return score === undefined ? [] : [[`master-drbd${String(number + 1)}`, String(score)]];
        }),
      ),
    };
    const id = String(index + 1);
    const state = { id, uname: nodeName(shape, index), in_ccm: "true", crmd: "online" };
    return element("node_state", { ...state, join: "member", expected: "member" }, [
      element(
        "transient_attributes",
        { id },
        pairs("instance_attributes", { "#feature-set": "3.16.1", ...attributes }),
      ),
    ]);
  });
  const defaults = pairs("meta_attributes", { "resource-stickiness": String(shape.stickiness) });
  return element(
    "cib",
    {
      ...{ crm_feature_set: "3.16.1", "validate-with": "pacemaker-3.7", epoch: "1", num_updates: "0" },
      ...{ admin_epoch: "0", "have-quorum": "1", "dc-uuid": "1" },
    },
    [
      element("configuration", {}, [
        element("crm_config", {}, pairs("cluster_property_set", { "cluster-name": "kvm", ...options })),
        element(
          "nodes",
          {},
          nodes.map(({ cpu }, index) =>
            element(
              "node",
              { id: String(index + 1), uname: nodeName(shape, index) },
              pairs("utilization", { cpu: String(cpu) }),
            ),
          ),
        ),
        element("resources", {}, resources(shape)),
        element("constraints", {}, constraints(shape)),
        element("rsc_defaults", {}, defaults),
      ]),
      element("status", {}, status),
    ],
  );
}
