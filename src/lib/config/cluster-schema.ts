import { isIP } from "node:net";
import { z } from "zod";
import { address, identifier, login, size, text } from "./fields.js";

/** The cluster section of rehome.yaml: two hosts that run guests, and a third machine whose vote breaks a tie. */

/** A machine's own name, as `uname -n` prints it: also its name in the cluster. */
const machineName = z
  .string()
  .regex(
    /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/,
    "must be a machine's own name, as uname -n prints it there",
  );
const ip = z.string().refine((value) => isIP(value) !== 0, "must be an IP address");
const lvmName = z.string().regex(/^[A-Za-z0-9_+][A-Za-z0-9_+.-]{0,62}$/, "must be a name that LVM takes");
const interfaceName = z.string().regex(/^[^\s/:]{1,15}$/, "must be the name of a network interface");
const disk = z.string().regex(/^\/dev\/[^\s]+$/, "must be a device below /dev");

const bmc = z.strictObject({
  address: z
    .string()
    .regex(/^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_][A-Za-z0-9_.-]*)(:\d{1,5})?$/, "must be an address or address:port")
    .describe("IP address or name of the machine's BMC, with :port when it is not 623"),
  user: text.describe("user of the BMC who may switch the power"),
  passwordFile: text.optional().describe("file whose first line is the user's password, mode 0600"),
  passwordVariable: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "must be the name of an environment variable")
    .optional()
    .describe("environment variable of rehome that has the user's password, instead of a file"),
  cipher: z
    .int()
    .min(0)
    .max(17)
    .optional()
    .describe("IPMI's cipher suite; without it the fence agent asks the BMC, which some do not answer"),
  agent: z
    .string()
    .regex(/^fence_[a-z0-9_]+$/, "must be the name of a fence agent")
    .default("fence_ipmilan")
    .describe("fence agent that speaks to the BMC; its parameters must be those of fence_ipmilan"),
});

const machine = {
  lan: ip.describe("its IP address on the LAN, where guests and administrators are"),
  address: address.optional().describe("user@host[:port] to reach it by SSH; root at its LAN address without it"),
  ...login,
};

const host = z.strictObject({
  ...machine,
  backplane: ip.describe("its IP address on the network between the hosts, which nothing else uses"),
  disks: z
    .array(disk)
    .default([])
    .describe("empty disks that the volume group is made of; without them the group must be there"),
  bmc: bmc.describe("what switches its power: fencing does"),
});

const arbitrator = z.strictObject({
  kind: z
    .enum(["qdevice", "member"])
    .default("qdevice")
    .describe("qdevice: gives a vote only; member: a full member of the cluster that runs no guests"),
  name: machineName.describe("its own name, as uname -n prints it"),
  ...machine,
  backplane: ip.optional().describe("a member's IP address on the network between the hosts"),
  bmc: bmc.optional().describe("what switches a member's power; a qdevice needs none"),
});

export const cluster = z.strictObject({
  name: identifier.default("rehome").describe("the cluster's name"),
  hosts: z
    .record(machineName, host)
    .refine((hosts) => Object.keys(hosts).length === 2, "must have two hosts")
    .describe(
      "the two machines that run guests, by their own names (uname -n); where both may survive, the first does",
    ),
  arbitrator: arbitrator.describe("the third machine, whose vote breaks a tie"),
  volumeGroup: lvmName.default("vg_guests").describe("LVM volume group of the guests' volumes, on both hosts"),
  gateways: z
    .array(ip)
    .min(1, "must have an address")
    .describe("addresses on the LAN that always answer a ping: guests move away from a host that reaches fewer"),
  bridges: z.array(interfaceName).default(["br0"]).describe("bridges of guests' NICs, which both hosts must have"),
  overcommit: z
    .strictObject({
      cpus: z.number().min(0.1).max(64).default(4).describe("vCPUs that guests may have for each CPU of a host"),
      memory: z.number().min(0.1).max(8).default(1).describe("memory that guests may have, times the host's"),
    })
    .prefault({})
    .describe("how much more guests may have together than a host has"),
  reserve: z
    .strictObject({
      cpus: z.int().min(0).max(64).default(1).describe("CPUs of each host that guests do not get"),
      memory: size.default("2GiB").describe("memory of each host that guests do not get"),
    })
    .prefault({})
    .describe("what each host keeps for itself"),
});
