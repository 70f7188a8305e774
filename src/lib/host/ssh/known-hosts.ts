import { createHash, createHmac } from "node:crypto";
import type { Where } from "../../errors.js";

/** One usable line of a known_hosts file; format: sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT". */
export interface KnownHost {
  readonly marker: "revoked" | "cert-authority" | undefined;
  /** The first field: patterns with commas between, or one hashed name. */
  readonly hosts: string;
  /** Key type, such as `ssh-ed25519`. */
  readonly type: string;
  /** The key as it goes over the wire. */
  readonly key: Buffer;
  readonly where: Where;
}

/** What known_hosts says about a key that a server has shown. */
export type HostKeyVerdict =
  | { readonly is: "known" }
  /** `authority` is a certificate authority for this host: rehome cannot check its signature. */
  | { readonly is: "unknown"; readonly authority: KnownHost | undefined }
  /** `instead` are the keys that the host is known by. */
  | { readonly is: "changed"; readonly instead: readonly KnownHost[] }
  | { readonly is: "revoked"; readonly by: KnownHost };

/** Reads a known_hosts file; comments and lines that ssh would ignore too (damaged, unknown markers) are skipped. */
export function parseKnownHosts(text: string, path: string): readonly KnownHost[] {
  return text.split("\n").flatMap((raw, index) => {
    const fields = raw.trim().split(/\s+/);
    if (raw.trim().startsWith("#")) return [];
    const marker = fields[0]?.startsWith("@") === true ? fields.shift() : undefined;
    if (marker !== undefined && marker !== "@revoked" && marker !== "@cert-authority") return [];
    const [hosts, type, base64] = fields;
    if (hosts === undefined || type === undefined || base64 === undefined) return [];
    const key = Buffer.from(base64, "base64");
    if (keyType(key) !== type) return [];
    const kind = marker === undefined ? undefined : marker === "@revoked" ? "revoked" : "cert-authority";
    return [{ marker: kind, hosts, type, key, where: { path, line: index + 1 } }] as const;
  });
}

/** The name under which known_hosts has a machine: `host`, or `[host]:port` when the port is not 22. */
export function knownHostsName(host: string, port: number): string {
  const name = host.toLowerCase();
  return port === 22 ? name : `[${name}]:${port}`;
}

/** Whether the first field of an entry means `name`. */
export function matchesHosts(hosts: string, name: string): boolean {
  if (hosts.startsWith("|")) return matchesHash(hosts, name);
  let matched = false;
  for (const pattern of hosts.split(",")) {
    const negated = pattern.startsWith("!");
    if (!matchesPattern(negated ? pattern.slice(1) : pattern, name)) continue;
    if (negated) return false;
    matched = true;
  }
  return matched;
}

/**
 * Judges a key as ssh does with StrictHostKeyChecking: with a port other than 22, a key known for the bare host name is
 * accepted too. Stricter in one thing: a key of a new type is "changed" where the host is known by other types, since
 * known types are asked for first and the server no longer has any of them.
 */
export function judgeHostKey(entries: readonly KnownHost[], host: string, port: number, key: Buffer): HostKeyVerdict {
  const name = knownHostsName(host, port);
  const own = entries.filter((entry) => matchesHosts(entry.hosts, name));
  const bare = port === 22 ? [] : entries.filter((entry) => matchesHosts(entry.hosts, knownHostsName(host, 22)));

  const revoked = [...own, ...bare].find((entry) => entry.marker === "revoked" && entry.key.equals(key));
  if (revoked !== undefined) return { is: "revoked", by: revoked };
  const plain = own.filter((entry) => entry.marker === undefined);
  if (plain.some((entry) => entry.key.equals(key))) return { is: "known" };
  if (plain.length > 0) return { is: "changed", instead: plain };
  if (bare.some((entry) => entry.marker === undefined && entry.key.equals(key))) return { is: "known" };
  return { is: "unknown", authority: own.find((entry) => entry.marker === "cert-authority") };
}

/** Key types by which a machine is known; the server is asked for these first. */
export function knownKeyTypes(entries: readonly KnownHost[], host: string, port: number): ReadonlySet<string> {
  const names = [knownHostsName(host, port), knownHostsName(host, 22)];
  const types = names.map((name) =>
    entries.filter((entry) => entry.marker === undefined && matchesHosts(entry.hosts, name)).map(({ type }) => type),
  );
  return new Set(types.find((found) => found.length > 0) ?? []);
}

/** `SHA256:…` as ssh-keygen -l prints it. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;
}

/** The type that a key on the wire begins with (RFC 4253, 6.6), or an empty string when it is no key. */
export function keyType(key: Buffer): string {
  if (key.length < 4) return "";
  const length = key.readUInt32BE(0);
  return length > 64 || length + 4 > key.length ? "" : key.toString("latin1", 4, 4 + length);
}

/** `|1|salt|hash`, both in base64: HMAC-SHA1 of the name, keyed with the salt. */
function matchesHash(hosts: string, name: string): boolean {
  const [, version, salt, hash] = hosts.split("|");
  if (version !== "1" || salt === undefined || hash === undefined) return false;
  return createHmac("sha1", Buffer.from(salt, "base64")).update(name).digest().equals(Buffer.from(hash, "base64"));
}

function matchesPattern(pattern: string, name: string): boolean {
  const expression = pattern
    .toLowerCase()
    .replaceAll(/[\\^$+.()|[\]{}]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${expression}$`, "s").test(name);
}
