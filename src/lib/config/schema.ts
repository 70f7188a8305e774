import { z } from "zod";

/** rehome.yaml. Keys are described here once: the JSON Schema, the starter file and error messages come from it. */

const identifier = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_.-]{0,62}$/, "must start with a letter and have only letters, digits, '.', '_' and '-'");

const argv = z.array(z.string().min(1)).min(1);

const source = z.strictObject({
  kind: z.enum(["physical"]).default("physical").describe("what kind of machine it is"),
  address: z.string().min(1).describe("user@host[:port] to reach it by SSH"),
  identity: z.string().optional().describe("private key file; without it the agent and the usual keys are tried"),
  passwordFile: z.string().optional().describe("file with the login password (mode 0600); prefer keys"),
  sudo: z.boolean().default(false).describe("become root with sudo"),
  knownHosts: z
    .string()
    .optional()
    .describe("known_hosts file; without it ~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts"),
  legacyCiphers: z.boolean().default(false).describe("allow the key exchanges and ciphers of CentOS 5/6 and Debian 6"),
  powerOn: argv.optional().describe("command (argv) that switches the machine on, for rollback, such as ipmitool"),
  powerOff: argv.optional().describe("command (argv) that cuts its power, when it does not switch itself off"),
});

const target = z.strictObject({
  volumes: z.string().default("/var/lib/rehome/volumes").describe("folder of the guests' volumes"),
  state: z.string().default("/var/lib/rehome").describe("folder of journals, domain definitions and the CIB"),
  libvirt: z.string().default("qemu:///system").describe("libvirt's address"),
  bridge: z.string().default("br0").describe("bridge of NICs that guests do not map"),
});

const check = z.union([
  z.strictObject({ tcp: z.string().describe("host:port that must accept a connection") }),
  z.strictObject({ http: z.string().describe("URL that must answer with a status below 400") }),
  z.strictObject({ ping: z.string().describe("address that must answer a ping") }),
]);

const guest = z.strictObject({
  source: z.string().describe("name of a source"),
  vcpus: z.int().min(1).optional().describe("number of vCPUs; as many as the source has without it"),
  memory: z.string().optional().describe("memory, such as 4GiB; as much as the source has without it"),
  bridges: z.record(z.string(), z.string()).default({}).describe("bridge of each NIC, by its name on the source"),
  excludeDisks: z.array(z.string()).default([]).describe("disks (kernel names) that are not moved"),
  stopServices: z.array(z.string()).default([]).describe("services to stop first at cutover, in this order"),
  checks: z.array(check).default([]).describe("what must answer after cutover"),
  bootTimeout: z.string().default("5min").describe("how long the guest may take until its checks answer"),
});

export const configSchema = z.strictObject({
  version: z.literal(1),
  sources: z.record(identifier, source),
  target: target.prefault({}),
  guests: z.record(identifier, guest),
});

export type Config = z.output<typeof configSchema>;
export type SourceConfig = Config["sources"][string];
export type TargetConfig = Config["target"];
export type GuestConfig = Config["guests"][string];
export type CheckConfig = GuestConfig["checks"][number];
