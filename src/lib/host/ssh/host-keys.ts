import { open, readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { RehomeError } from "../../errors.js";
import { makeFolder } from "../../folder.js";
import {
  fingerprint,
  judgeHostKey,
  keyType,
  knownHostsName,
  knownKeyTypes,
  parseKnownHosts,
  type KnownHost,
} from "./known-hosts.js";
import { quote } from "./quote.js";
import type { SshOptions, SshTarget } from "./types.js";

/** The host keys that are trusted for one machine. */
export interface HostKeys {
  /** Key types by which the machine is known. */
  readonly types: ReadonlySet<string>;
  /** Whether the key may be used; if not, `problem` is set. Called again, with the same key, at every re-keying. */
  accept(key: Buffer): boolean;
  readonly problem: RehomeError | undefined;
  /** Writes down a new key that was accepted. Call it once the server has proven that it holds the key. */
  remember(): Promise<void>;
}

/**
 * Reads the known_hosts files for a machine; a file that is not there is an empty one.
 * @throws RehomeError file-unreadable
 */
export async function loadHostKeys(target: SshTarget, options: SshOptions, machine: string): Promise<HostKeys> {
  const personal = target.knownHosts ?? join(options.env?.["HOME"] ?? homedir(), ".ssh", "known_hosts");
  const paths = target.knownHosts === undefined ? [personal, "/etc/ssh/ssh_known_hosts"] : [personal];
  const entries = (await Promise.all(paths.map(readKnownHosts))).flat();

  let problem: RehomeError | undefined;
  let accepted: Buffer | undefined;
  return {
    types: knownKeyTypes(entries, target.host, target.port),
    get problem() {
      return problem;
    },
    accept(key) {
      if (accepted?.equals(key) === true) return true;
      const verdict = judgeHostKey(entries, target.host, target.port, key);
      if (verdict.is === "known") return true;
      if (verdict.is === "changed") problem = changed(key, verdict.instead, target, machine);
      if (verdict.is === "revoked") problem = revoked(key, verdict.by, machine);
      if (verdict.is === "unknown") {
        if (options.acceptNewHostKey === true && accepted === undefined) {
          accepted = key;
          return true;
        }
        problem = unknown(key, verdict.authority, target, personal, machine);
      }
      return false;
    },
    async remember() {
      if (accepted !== undefined) await appendLine(personal, entryLine(target, accepted));
    },
  };
}

async function readKnownHosts(path: string): Promise<readonly KnownHost[]> {
  try {
    return parseKnownHosts(await readFile(path, "utf8"), path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw new RehomeError("file-unreadable", "cannot read the known host keys", { path, cause });
  }
}

/**
 * One append, as ssh does it: other processes that add keys at the same time lose nothing, and the file's mode, owner
 * and links stay as they are.
 */
async function appendLine(path: string, line: string): Promise<void> {
  await makeFolder(dirname(path), 0o700);
  try {
    const file = await open(path, "a+", 0o600);
    try {
      const { size } = await file.stat();
      const last = size === 0 ? "\n" : (await file.read(Buffer.alloc(1), 0, 1, size - 1)).buffer.toString();
      await file.appendFile(`${last === "\n" ? "" : "\n"}${line}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw new RehomeError("file-unwritable", "cannot add the new host key", { path, cause });
  }
}

function entryLine({ host, port }: SshTarget, key: Buffer): string {
  return `${knownHostsName(host, port)} ${keyType(key)} ${key.toString("base64")}`;
}

function show(key: Buffer): string {
  return `${keyType(key)} ${fingerprint(key)}`;
}

function unknown(
  key: Buffer,
  authority: KnownHost | undefined,
  target: SshTarget,
  path: string,
  machine: string,
): RehomeError {
  const hint =
    authority === undefined
      ? ""
      : `; the certificate authority in ${authority.where.path ?? ""}:${authority.where.line ?? 0} is not supported`;
  const file = `/etc/ssh/ssh_host_${keyType(key).replace(/^ssh-|-sha2.*$/g, "")}_key.pub`;
  return new RehomeError("host-key-unknown", `the host key is not known: ${show(key)}${hint}`, {
    machine,
    path,
    remedy:
      `compare it with what "ssh-keygen -lf ${file}" prints on the machine; if it is the same, use ` +
      `--accept-new-host-key, or add this line to ${path}: ${entryLine(target, key)}`,
  });
}

function changed(key: Buffer, instead: readonly KnownHost[], target: SshTarget, machine: string): RehomeError {
  const where = (instead.find((entry) => entry.type === keyType(key)) ?? instead[0])?.where;
  const known = instead.map((entry) => show(entry.key)).join(", ");
  const remove = `ssh-keygen -f ${quote(where?.path ?? "")} -R ${quote(knownHostsName(target.host, target.port))}`;
  return new RehomeError("host-key-changed", `the machine shows the host key ${show(key)}, but known is ${known}`, {
    ...where,
    machine,
    remedy: `somebody may be listening in; only if you know why the key changed, remove the old one: ${remove}`,
  });
}

function revoked(key: Buffer, by: KnownHost, machine: string): RehomeError {
  return new RehomeError("host-key-revoked", `the host key ${show(key)} is revoked`, {
    ...by.where,
    machine,
    remedy: "give the machine a new host key; a revoked one may be in wrong hands",
  });
}
