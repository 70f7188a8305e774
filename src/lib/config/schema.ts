import { z } from "zod";
import { cluster } from "./cluster-schema.js";
import { absolutePath, address, argv, duration, identifier, login, size, text } from "./fields.js";

/** rehome.yaml. Keys are described here once: the JSON Schema, the starter file and error messages come from it. */

/** Whether a name may be a guest's. */
export function isGuestName(name: string): boolean {
  return identifier.safeParse(name).success;
}

const plainSource = z.strictObject({
  kind: z
    .enum(["physical", "xen"])
    .default("physical")
    .describe("physical: a machine that is copied from within; xen: a domain of a Xen host, copied from there"),
  address: address.describe("user@host[:port] to reach it by SSH; that of its host (dom0) for xen"),
  domain: text.optional().describe("xen: name of the domain"),
  shutdownTimeout: duration.optional().describe("xen: how long the domain may take to shut down; 5min without it"),
  destroy: z
    .boolean()
    .optional()
    .describe("xen: end a domain that does not shut down in time; without it the cutover is given up"),
  ...login,
  legacyCiphers: z.boolean().default(false).describe("allow the key exchanges and ciphers of CentOS 5/6 and Debian 6"),
  powerOn: argv.optional().describe("command (argv) that switches the machine on, for rollback, such as ipmitool"),
  powerOff: argv.optional().describe("command (argv) that cuts its power, when it does not switch itself off"),
});

/** What only says something of a domain. */
const OF_XEN = ["domain", "shutdownTimeout", "destroy"] as const;

const source = plainSource.superRefine((given, context) => {
  if (given.kind === "xen" && given.domain === undefined) {
    context.addIssue({ code: "custom", path: ["domain"], message: "must name the domain, because the kind is xen" });
  }
  // without the kind it would be the domain's host that is moved
  const meant = given.kind === "xen" ? undefined : OF_XEN.find((key) => given[key] !== undefined);
  if (meant !== undefined) {
    context.addIssue({ code: "custom", path: [meant], message: "is for a source of kind: xen, and this one is none" });
  }
});

const target = z.strictObject({
  kind: z
    .enum(["cluster", "machine"])
    .optional()
    .describe(
      "where guests land: on the cluster (where there is a cluster section) or the machine that rehome runs on",
    ),
  volumes: absolutePath.default("/var/lib/rehome/volumes").describe("folder of the guests' volumes"),
  state: absolutePath.default("/var/lib/rehome").describe("folder of journals, domain definitions and the CIB"),
  libvirt: text.default("qemu:///system").describe("libvirt's address"),
  bridge: text.optional().describe("bridge of NICs that guests do not map; the cluster's first, or br0, without it"),
});

const check = z.union([
  z.strictObject({
    tcp: z
      .string()
      .regex(/^(\[[0-9A-Fa-f:.]+\]|[^:\s]+):\d{1,5}$/, "must be host:port")
      .describe("host:port that must accept a connection"),
  }),
  z.strictObject({
    http: z
      .string()
      .regex(/^https?:\/\/[^\s/]/, "must be a URL with http:// or https://")
      .describe("URL that must answer with a status below 400"),
  }),
  z.strictObject({
    ping: z
      .string()
      .regex(/^[^\s-]\S*$/, "must be an address")
      .describe("address that must answer a ping"),
  }),
]);

const guest = z.strictObject({
  source: z.string().describe("name of a source"),
  vcpus: z.int().min(1).max(512).optional().describe("number of vCPUs; as many as the source has without it"),
  memory: size.optional().describe("memory, such as 4GiB; as much as the source has without it"),
  bridges: z.record(text, text).default({}).describe("bridge of each NIC, by its name on the source"),
  excludeDisks: z.array(text).default([]).describe("disks (kernel names) that are not moved"),
  kernelPackages: z
    .array(absolutePath)
    .default([])
    .describe("packages (.deb) with a kernel and its modules, for a paravirtual guest that has none of its own"),
  stopServices: z.array(text).default([]).describe("services to stop first at cutover, in this order"),
  checks: z.array(check).default([]).describe("what must answer after cutover"),
  bootTimeout: duration.default("5min").describe("how long the guest may take until its checks answer"),
});

export const configSchema = z.strictObject({
  version: z.literal(1).describe("version of this file's format"),
  sources: z.record(identifier, source).default({}).describe("machines to move away from, by a name of your choice"),
  target: target.prefault({}).describe("where guests land, and the machine that rehome runs on"),
  guests: z.record(identifier, guest).default({}).describe("what becomes of the sources, by the guest's name"),
  cluster: cluster.optional().describe("two hosts and a tie-breaker, for rehome cluster init"),
});

export type Config = z.output<typeof configSchema>;
export type SourceConfig = Config["sources"][string];
export type TargetConfig = Config["target"];
export type GuestConfig = Config["guests"][string];
export type ClusterConfig = NonNullable<Config["cluster"]>;
export type HostConfig = ClusterConfig["hosts"][string];
export type ArbitratorConfig = ClusterConfig["arbitrator"];
export type BmcConfig = HostConfig["bmc"];
export type CheckConfig = GuestConfig["checks"][number];
