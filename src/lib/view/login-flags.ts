import { Flags } from "@oclif/core";
import { quote } from "../host/ssh/quote.js";

/** Flags of commands that log in to a machine which rehome.yaml need not know. */
export const loginFlags = {
  identity: Flags.string({ char: "i", description: "private key file", helpValue: "FILE" }),
  "password-file": Flags.string({ description: "file with the login password, mode 0600", helpValue: "FILE" }),
  "known-hosts": Flags.string({ description: "known_hosts file instead of the usual ones", helpValue: "FILE" }),
  sudo: Flags.boolean({ description: "become root with sudo" }),
  "legacy-ciphers": Flags.boolean({ description: "allow the ciphers of CentOS 5/6 and Debian 6" }),
};

interface LoginFlags {
  readonly identity?: string | undefined;
  readonly "password-file"?: string | undefined;
  readonly "known-hosts"?: string | undefined;
  readonly sudo: boolean;
  readonly "legacy-ciphers": boolean;
}

/** What the flags set, under rehome.yaml's names; what they do not set is absent. */
export function loginOptions(flags: LoginFlags): {
  readonly identity?: string;
  readonly passwordFile?: string;
  readonly knownHosts?: string;
  readonly sudo?: boolean;
  readonly legacyCiphers?: boolean;
} {
  return {
    ...(flags.identity !== undefined && { identity: flags.identity }),
    ...(flags["password-file"] !== undefined && { passwordFile: flags["password-file"] }),
    ...(flags["known-hosts"] !== undefined && { knownHosts: flags["known-hosts"] }),
    ...(flags.sudo && { sudo: true }),
    ...(flags["legacy-ciphers"] && { legacyCiphers: true }),
  };
}

/** The flags as they were typed, for a command that is suggested next. */
export function typedLogin(flags: LoginFlags): string {
  const words = [
    ...(["identity", "password-file", "known-hosts"] as const).flatMap((name) => {
      const value = flags[name];
      return value === undefined ? [] : [`--${name}`, value];
    }),
    ...(["sudo", "legacy-ciphers"] as const).flatMap((name) => (flags[name] ? [`--${name}`] : [])),
  ];
  return words.map((word) => ` ${quote(word)}`).join("");
}
