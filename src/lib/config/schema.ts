import { z } from "zod";
import { parseAddress } from "../host/ssh/address.js";
import { parseDuration, parseSize } from "../units.js";

/** rehome.yaml. Keys are described here once: the JSON Schema, the starter file and error messages come from it. */

/** Valid as a libvirt name, as an XML id in the CIB, and as a file name. */
const identifier = z
  .string()
  .regex(
    /^[A-Za-z_][A-Za-z0-9_.-]{0,62}$/,
    "must start with a letter or '_', have only letters, digits, '.', '_' and '-', and at most 63 characters",
  );

/** Whether a name may be a guest's. */
export function isGuestName(name: string): boolean {
  return identifier.safeParse(name).success;
}

const argv = z.array(z.string().min(1, "must not be empty")).min(1, "must name a program");
const text = z.string().min(1, "must not be empty");
const absolutePath = z.string().regex(/^\/[^\0]*$/, "must be an absolute path");
const size = text.refine(reads(parseSize), "must be a size, such as 512M or 4GiB");
const duration = text.refine(reads(parseDuration), "must be a duration, such as 30s or 5min");

function reads(parse: (text: string) => unknown): (text: string) => boolean {
  return (value) => {
    try {
      parse(value);
      return true;
    } catch {
      return false;
    }
  };
}

const address = z
  .string()
  .regex(
    /^[^@\s:-][^@\s:]*@(\[[0-9A-Fa-f:.]+(%[\w.-]+)?\]|[A-Za-z0-9_][A-Za-z0-9_.-]*)(:\d{1,5})?$/,
    "must be user@host or user@host:port (an IPv6 address in brackets)",
  )
  .refine(reads(parseAddress), "must have a host name and a port from 1 to 65535");

const source = z.strictObject({
  kind: z.enum(["physical"]).default("physical").describe("what kind of machine it is"),
  address: address.describe("user@host[:port] to reach it by SSH"),
  identity: text.optional().describe("private key file; without it the agent and the usual keys are tried"),
  passwordFile: text.optional().describe("file with the login password (mode 0600); prefer keys"),
  sudo: z.boolean().default(false).describe("become root with sudo"),
  knownHosts: text.optional().describe("known_hosts file; without it ~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts"),
  legacyCiphers: z.boolean().default(false).describe("allow the key exchanges and ciphers of CentOS 5/6 and Debian 6"),
  powerOn: argv.optional().describe("command (argv) that switches the machine on, for rollback, such as ipmitool"),
  powerOff: argv.optional().describe("command (argv) that cuts its power, when it does not switch itself off"),
});

const target = z.strictObject({
  volumes: absolutePath.default("/var/lib/rehome/volumes").describe("folder of the guests' volumes"),
  state: absolutePath.default("/var/lib/rehome").describe("folder of journals, domain definitions and the CIB"),
  libvirt: text.default("qemu:///system").describe("libvirt's address"),
  bridge: text.default("br0").describe("bridge of NICs that guests do not map"),
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
  stopServices: z.array(text).default([]).describe("services to stop first at cutover, in this order"),
  checks: z.array(check).default([]).describe("what must answer after cutover"),
  bootTimeout: duration.default("5min").describe("how long the guest may take until its checks answer"),
});

export const configSchema = z.strictObject({
  version: z.literal(1).describe("version of this file's format"),
  sources: z.record(identifier, source).describe("machines to move away from, by a name of your choice"),
  target: target.prefault({}).describe("the machine that rehome runs on, where guests land"),
  guests: z.record(identifier, guest).describe("what becomes of the sources, by the guest's name"),
});

export type Config = z.output<typeof configSchema>;
export type SourceConfig = Config["sources"][string];
export type TargetConfig = Config["target"];
export type GuestConfig = Config["guests"][string];
export type CheckConfig = GuestConfig["checks"][number];
