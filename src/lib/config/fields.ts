import { z } from "zod";
import { parseAddress } from "../host/ssh/address.js";
import { parseDuration, parseSize } from "../units.js";

/** Kinds of values that several sections of rehome.yaml have. */

/** Valid as a libvirt name, as an XML id in the CIB, and as a file name. */
export const identifier = z
  .string()
  .regex(
    /^[A-Za-z_][A-Za-z0-9_.-]{0,62}$/,
    "must start with a letter or '_', have only letters, digits, '.', '_' and '-', and at most 63 characters",
  );

export const argv = z.array(z.string().min(1, "must not be empty")).min(1, "must name a program");
export const text = z.string().min(1, "must not be empty");
export const absolutePath = z.string().regex(/^\/[^\0]*$/, "must be an absolute path");
export const size = text.refine(reads(parseSize), "must be a size, such as 512M or 4GiB");
export const duration = text.refine(reads(parseDuration), "must be a duration, such as 30s or 5min");

export const address = z
  .string()
  .regex(
    /^[^@\s:-][^@\s:]*@(\[[0-9A-Fa-f:.]+(%[\w.-]+)?\]|[A-Za-z0-9_][A-Za-z0-9_.-]*)(:\d{1,5})?$/,
    "must be user@host or user@host:port (an IPv6 address in brackets)",
  )
  .refine(reads(parseAddress), "must have a host name and a port from 1 to 65535");

/** How to log in to a machine. */
export const login = {
  identity: text.optional().describe("private key file; without it the agent and the usual keys are tried"),
  passwordFile: text.optional().describe("file with the login password (mode 0600); prefer keys"),
  sudo: z.boolean().default(false).describe("become root with sudo"),
  knownHosts: text.optional().describe("known_hosts file; without it ~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts"),
};

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
