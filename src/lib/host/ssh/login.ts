import { readFile, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import ssh2, { type AnyAuthMethod, type IdentityCallback, type ParsedKey } from "ssh2";
import { RehomeError } from "../../errors.js";
import { mustBePrivate, readPasswordFile, readSecretText } from "../../secret-file.js";
import type { SshOptions, SshTarget } from "./types.js";

/** One way to log in. */
export interface LoginAttempt {
  /** How messages name it; never a secret. */
  readonly name: string;
  readonly method: AnyAuthMethod;
}

/** All ways to log in to one machine, in the order in which they are tried. */
export interface Login {
  readonly attempts: readonly LoginAttempt[];
  /** What could not even be tried, and why. */
  readonly skipped: readonly string[];
  /** For sudo, where it wants one. */
  readonly password: string | undefined;
}

const USUAL_KEYS = ["id_ed25519", "id_ecdsa", "id_rsa"];

/**
 * Collects what there is to log in with. What the administrator named comes first; the agent and the usual keys are
 * for when no key was named.
 * @throws RehomeError file-unreadable, secret-exposed
 */
export async function prepareLogin(target: SshTarget, options: SshOptions): Promise<Login> {
  const env = options.env ?? process.env;
  const agentSocket = env["SSH_AUTH_SOCK"];
  const attempts: LoginAttempt[] = [];
  const skipped: string[] = [];
  const password = target.passwordFile === undefined ? undefined : await readPasswordFile(target.passwordFile);

  async function addKey(path: string, named: boolean): Promise<void> {
    const key = await readKey(path, named);
    if (key === undefined) return;
    if (key !== "protected") {
      attempts.push({ name: `key ${path}`, method: { type: "publickey", username: target.user, key } });
    } else if (named && agentSocket !== undefined) {
      const agent = await agentFor(agentSocket, path);
      attempts.push({ name: `key ${path} in the agent`, method: { type: "agent", username: target.user, agent } });
      skipped.push(`key ${path} itself (protected with a passphrase; load it with ssh-add)`);
    } else {
      skipped.push(`key ${path} (protected with a passphrase; load it into an agent with ssh-add)`);
    }
  }

  if (target.identity !== undefined) await addKey(target.identity, true);
  if (password !== undefined) attempts.push(...passwordAttempts(target, password));
  if (target.identity === undefined) {
    if (agentSocket === undefined || agentSocket === "") skipped.push("agent (SSH_AUTH_SOCK is not set)");
    else attempts.push({ name: "agent", method: { type: "agent", username: target.user, agent: agentSocket } });
    for (const name of USUAL_KEYS) await addKey(join(env["HOME"] ?? homedir(), ".ssh", name), false);
  }
  return { attempts, skipped, password };
}

function passwordAttempts({ user, passwordFile = "" }: SshTarget, password: string): readonly LoginAttempt[] {
  return [
    { name: `password from ${passwordFile}`, method: { type: "password", username: user, password } },
    {
      name: `password from ${passwordFile} (keyboard-interactive)`,
      method: {
        type: "keyboard-interactive",
        username: user,
        // A prompt that echoes asks for something else than a password: it does not get it.
        prompt: (_name, _instructions, _language, prompts, finish) =>
          finish(prompts.map((prompt) => (prompt.echo === true ? "" : password))),
      },
    },
  ];
}

/** @returns undefined for a key that is not there and that nobody named */
async function readKey(path: string, named: boolean): Promise<ParsedKey | "protected" | undefined> {
  if (!named && !(await exists(path))) return undefined;
  if (named) await mustBePrivate(path, "private key");
  const parsed = ssh2.utils.parseKey(await readSecretText(path, "private key")) as ParsedKey | ParsedKey[] | Error;
  const key = Array.isArray(parsed) ? parsed[0] : parsed;
  if (key !== undefined && !(key instanceof Error) && key.isPrivateKey()) return key;
  if (key instanceof Error && /encrypted|passphrase/i.test(key.message)) return "protected";
  if (!named) return undefined;
  throw new RehomeError("file-unreadable", "this is no private key that rehome can read", {
    path,
    remedy: "give an OpenSSH or PEM private key (the file without .pub); keys on tokens work through the agent",
  });
}

/** The agent, narrowed down to the key beside whose private half the public half lies; all its keys without that. */
async function agentFor(socket: string, path: string): Promise<InstanceType<typeof ssh2.OpenSSHAgent>> {
  const wanted = await readFile(`${path}.pub`).then(ssh2.utils.parseKey, () => undefined);
  const agent = new ssh2.OpenSSHAgent(socket);
  if (wanted === undefined || wanted instanceof Error) return agent;
  const all = agent.getIdentities.bind(agent);
  agent.getIdentities = (done: IdentityCallback<ParsedKey>) =>
    all((error, keys) => {
      if (error instanceof Error) done(error);
      else done(undefined, keys?.filter((key) => wanted.equals(key as ParsedKey)) ?? []);
    });
  return agent;
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
