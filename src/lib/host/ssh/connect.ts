import { connect as openTcp, type Socket } from "node:net";
import ssh2, { type AnyAuthMethod, type Client } from "ssh2";
import { RehomeError } from "../../errors.js";
import type { Host } from "../types.js";
import { formatAddress } from "./address.js";
import { algorithms } from "./algorithms.js";
import { connection } from "./connection.js";
import { loadHostKeys, type HostKeys } from "./host-keys.js";
import { prepareLogin, type Login } from "./login.js";
import { checkShell } from "./shell-check.js";
import { sshHost } from "./ssh-host.js";
import { becomeRoot } from "./sudo.js";
import type { SshOptions, SshTarget } from "./types.js";

const CONNECT_TIMEOUT_MS = 15_000;
const KEEPALIVE_MS = 4000;

/**
 * Logs in to a machine, having verified its host key, and becomes root if asked to.
 * @throws RehomeError host-unreachable, host-key-unknown, host-key-changed, host-key-revoked, ssh-incompatible,
 *   auth-failed, shell-unusable, sudo-failed, secret-exposed, file-unreadable, file-unwritable, cancelled
 */
export async function connectSsh(target: SshTarget, options: SshOptions = {}): Promise<Host> {
  const machine = options.name ?? formatAddress(target);
  const login = await prepareLogin(target, options);
  const hostKeys = await loadHostKeys(target, options, machine);
  const socket = await connectTcp(target, options, machine);
  let client: Client;
  try {
    client = await logIn(socket, target, options, machine, login, hostKeys);
  } catch (error) {
    socket.destroy();
    throw error;
  }
  const link = connection(client, socket, machine, options.keepaliveMs ?? KEEPALIVE_MS);
  try {
    await hostKeys.remember();
    await checkShell(link, target.user);
    const root = target.user === "root" || target.sudo !== true;
    return sshHost(link, root ? { by: "nothing" } : await becomeRoot(link, target, login.password));
  } catch (error) {
    await link.close();
    throw error;
  }
}

function connectTcp(target: SshTarget, options: SshOptions, machine: string): Promise<Socket> {
  const timeoutMs = options.dialTimeoutMs ?? options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
  return new Promise((resolve, reject) => {
    if (options.signal?.aborted === true) {
      reject(cancelled(machine));
      return;
    }
    const socket = openTcp({ host: target.host, port: target.port, noDelay: true });
    const timer = setTimeout(() => fail(unreachable(machine, `no answer within ${timeoutMs / 1000} s`)), timeoutMs);
    const abort = (): void => fail(cancelled(machine));
    const onError = (error: Error): void => fail(unreachable(machine, describe(error, target), error));
    function settle(): void {
      clearTimeout(timer);
      options.signal?.removeEventListener("abort", abort);
      socket.off("error", onError);
    }
    function fail(error: RehomeError): void {
      settle();
      socket.on("error", () => undefined);
      socket.destroy();
      reject(error);
    }
    options.signal?.addEventListener("abort", abort, { once: true });
    socket.on("error", onError);
    socket.once("connect", () => {
      settle();
      resolve(socket);
    });
  });
}

function logIn(
  socket: Socket,
  target: SshTarget,
  options: SshOptions,
  machine: string,
  login: Login,
  hostKeys: HostKeys,
): Promise<Client> {
  const timeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
  const tries = authTries(target.user, login);
  let trusted = false;
  return new Promise((resolve, reject) => {
    const client = new ssh2.Client();
    const fail = (error: RehomeError): void => {
      options.signal?.removeEventListener("abort", abort);
      client.on("error", () => undefined); // more may follow the first
      socket.destroy();
      reject(error);
    };
    const abort = (): void => fail(cancelled(machine));
    const onError = (error: Error & { level?: string }): void => {
      if (error.level === "agent") tries.note(`agent (${error.message})`);
      else if (hostKeys.problem !== undefined) fail(hostKeys.problem);
      else if (error.level === "client-timeout" && trusted) fail(loginTooSlow(machine, target.user, timeoutMs, error));
      else if (trusted) fail(authFailed(machine, target.user, login, tries, error));
      else fail(handshakeFailed(machine, target, timeoutMs, error));
    };
    const onClose = (): void => onError(new Error("the machine closed the connection"));
    options.signal?.addEventListener("abort", abort, { once: true });
    client.on("error", onError);
    client.on("close", onClose);
    client.on("handshake", () => (trusted = true));
    client.once("ready", () => {
      options.signal?.removeEventListener("abort", abort);
      client.off("error", onError);
      client.off("close", onClose);
      client.setNoDelay(true);
      resolve(client);
    });
    client.connect({
      sock: socket,
      username: target.user,
      algorithms: algorithms(hostKeys.types, target.legacyCiphers === true),
      hostVerifier: (key: Buffer) => hostKeys.accept(key),
      authHandler: (offered, _partial, next) => next(tries.next(offered)),
      readyTimeout: timeoutMs,
      keepaliveInterval: options.keepaliveMs ?? KEEPALIVE_MS,
      keepaliveCountMax: Number.MAX_SAFE_INTEGER, // our own watchdog decides
    });
  });
}

interface AuthTries {
  readonly tried: readonly string[];
  readonly offered: readonly string[];
  note(what: string): void;
  next(offered: readonly string[] | null): AnyAuthMethod;
}

/** Hands out the ways to log in, one after the other, as far as the server offers their method. */
function authTries(user: string, login: Login): AuthTries {
  const left = [...login.attempts];
  const tried: string[] = [];
  let last: readonly string[] = [];
  return {
    tried,
    get offered() {
      return last;
    },
    note: (what) => tried.push(what),
    next(offered) {
      if (offered === null) return { type: "none", username: user }; // makes the server say what it offers
      last = offered;
      const index = left.findIndex(({ method }) =>
        offered.includes(method.type === "agent" ? "publickey" : method.type),
      );
      const [attempt] = index === -1 ? [] : left.splice(index, 1);
      if (attempt === undefined) return false as unknown as AnyAuthMethod; // ssh2: nothing more to try
      tried.push(attempt.name);
      return attempt.method;
    },
  };
}

function authFailed(machine: string, user: string, login: Login, tries: AuthTries, cause: Error): RehomeError {
  const tried = tries.tried.length === 0 ? "nothing" : tries.tried.join(", ");
  const skipped = login.skipped.length === 0 ? "" : `; not tried: ${login.skipped.join(", ")}`;
  const offers = tries.offered.length === 0 ? "" : `; the machine accepts ${tries.offered.join(", ")}`;
  return new RehomeError("auth-failed", `the login of ${user} was refused; tried: ${tried}${skipped}${offers}`, {
    machine,
    remedy: `give a key that is in ${user}'s ~/.ssh/authorized_keys there, load it into an agent, or name a password file`,
    ...(/All configured/.test(cause.message) ? {} : { output: cause.message }),
    cause,
  });
}

/** Nobody refused anything: a machine that is short of memory or processor, or whose login waits for a DNS. */
function loginTooSlow(machine: string, user: string, timeoutMs: number, error: Error): RehomeError {
  return unreachable(
    machine,
    `it did not let ${user} in within ${timeoutMs / 1000} s, and did not refuse either`,
    error,
  );
}

function handshakeFailed(machine: string, target: SshTarget, timeoutMs: number, error: Error): RehomeError {
  if (/no matching|unsupported|hash agree/i.test(error.message)) {
    return new RehomeError("ssh-incompatible", `no common way to encrypt: ${error.message}`, {
      machine,
      remedy:
        target.legacyCiphers === true
          ? "update sshd on the machine"
          : "if the machine is as old as CentOS 6 or Debian 6, allow its ciphers with legacyCiphers: true",
      cause: error,
    });
  }
  const reason = /timed out/i.test(error.message)
    ? `it accepts connections, but did not speak SSH within ${timeoutMs / 1000} s`
    : `it accepts connections, but the SSH handshake failed: ${error.message}`;
  return unreachable(machine, reason, error);
}

function unreachable(machine: string, reason: string, cause?: unknown): RehomeError {
  return new RehomeError("host-unreachable", `cannot connect: ${reason}`, {
    machine,
    remedy: "check the address and the port, that the machine is on, that sshd runs there, and the firewalls between",
    cause,
  });
}

function describe(error: Error, { host, port }: SshTarget): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ECONNREFUSED") return `nothing listens on port ${port}`;
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return `the name ${host} cannot be resolved`;
  if (code === "EHOSTUNREACH" || code === "ENETUNREACH") return `there is no route to ${host}`;
  return error.message === "" ? (code ?? "unknown reason") : error.message;
}

function cancelled(machine: string): RehomeError {
  return new RehomeError("cancelled", "the connection was not awaited any longer", { machine });
}
