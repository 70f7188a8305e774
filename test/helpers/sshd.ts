import { spawn, execFileSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const SSHD = "/usr/sbin/sshd";

export type HostKeyType = "ed25519" | "ecdsa" | "rsa";

/** A user that exists only for this sshd, in a mount namespace of its own; the machine's accounts are not touched. */
export interface TestAccount {
  readonly name: string;
  readonly password?: string;
  /** Lines of /etc/sudoers for this sshd, such as `mover ALL=(ALL) NOPASSWD: ALL`. */
  readonly sudoers?: string;
  readonly shell?: string;
}

export interface TestSshdOptions {
  /** Host keys, the server's favourite first; ed25519 without it. */
  readonly hostKeys?: readonly HostKeyType[];
  /** More lines of sshd_config; they win, because sshd takes the first value of a keyword. */
  readonly config?: readonly string[];
  /** Needs root: see `canMakeAccounts`. */
  readonly account?: TestAccount;
}

/** A real sshd on loopback. */
export interface TestSshd {
  readonly host: "127.0.0.1";
  readonly port: number;
  /** The user that may log in. */
  readonly user: string;
  /** A folder that goes away with the server. */
  readonly folder: string;
  /** Private key that the server accepts. */
  readonly identity: string;
  /** Private key that it does not accept. */
  readonly wrongIdentity: string;
  /** known_hosts file with the server's keys as they were at start. */
  readonly knownHosts: string;
  /** What `connectSsh` wants to log in here. */
  readonly target: { user: string; host: string; port: number; identity: string; knownHosts: string };
  /** `ssh-ed25519 AAAA…` of a host key. */
  publicHostKey(type: HostKeyType): string;
  /** Gives the server other host keys of the same types; knownHosts stays as it is. */
  rotateHostKeys(): Promise<void>;
  /** Ends the server's process of every connection, as an out-of-memory kill would. */
  killConnections(): void;
  /** What sshd has logged. */
  log(): string;
  stop(): Promise<void>;
}

export function hasSshd(): boolean {
  return existsSync(SSHD);
}

/** Whether this machine lets us make private accounts: root, with mount namespaces. */
export function canMakeAccounts(): boolean {
  if (process.getuid?.() !== 0) return false;
  try {
    execFileSync("unshare", ["--mount", "true"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** Starts sshd on a free port; works as root and as an ordinary user. Call `stop` when done. */
export async function startSshd(options: TestSshdOptions = {}): Promise<TestSshd> {
  const folder = await mkdtemp(join(tmpdir(), "rehome-sshd-"));
  const hostKeys = options.hostKeys ?? ["ed25519"];
  const user = options.account?.name ?? userInfo().username;
  const port = await freePort();
  const keyFile = (type: HostKeyType): string => join(folder, `host_${type}`);
  const publicHostKey = (type: HostKeyType): string =>
    readFileSync(`${keyFile(type)}.pub`, "utf8")
      .split(" ")
      .slice(0, 2)
      .join(" ")
      .trim();
  const identity = join(folder, "id_test");
  const wrongIdentity = join(folder, "id_wrong");
  const knownHosts = join(folder, "known_hosts");

  for (const type of hostKeys) makeKey(keyFile(type), type);
  makeKey(identity, "ed25519");
  makeKey(wrongIdentity, "ed25519");
  execFileSync("chmod", ["755", folder]);
  writeFileSync(join(folder, "authorized_keys"), readFileSync(`${identity}.pub`));
  writeFileSync(knownHosts, hostKeys.map((type) => `[127.0.0.1]:${port} ${publicHostKey(type)}\n`).join(""));
  writeFileSync(
    join(folder, "sshd_config"),
    [
      ...(options.config ?? []),
      `Port ${port}`,
      "ListenAddress 127.0.0.1",
      ...hostKeys.map((type) => `HostKey ${keyFile(type)}`),
      `PidFile ${join(folder, "sshd.pid")}`,
      `AuthorizedKeysFile ${join(folder, "authorized_keys")}`,
      "StrictModes no",
      "UsePAM no",
      "PermitRootLogin yes",
      "MaxStartups 100:30:200",
      "LogLevel VERBOSE",
      "SetEnv SHLVL=2", // bash then leaves the developer's ~/.bashrc alone: what it does and prints is not under test
      "",
    ].join("\n"),
  );
  if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });

  let log = "";
  let child: ChildProcess;
  async function launch(): Promise<void> {
    const sshd = [SSHD, "-D", "-e", "-f", join(folder, "sshd_config")];
    const [program = "", ...args] =
      options.account === undefined ? sshd : privateAccounts(folder, options.account, sshd);
    child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
    child.stderr?.on("data", (data: Buffer) => (log += data.toString()));
    // A test that fails before it stops its server must neither hang the run nor leave sshd behind.
    child.unref();
    (child.stderr as Socket | null)?.unref();
    await waitForPort(port, child, () => log);
  }
  function killAll(): void {
    const everything = child.pid === undefined ? [] : descendants(child.pid);
    child.kill("SIGKILL");
    for (const pid of everything) kill(pid);
  }
  async function terminate(): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.ref();
    const gone = once(child, "exit");
    killAll();
    await gone;
  }
  function abandon(): void {
    killAll();
    rmSync(folder, { recursive: true, force: true });
  }
  process.once("exit", abandon);
  await launch();

  return {
    host: "127.0.0.1",
    port,
    user,
    folder,
    identity,
    wrongIdentity,
    knownHosts,
    target: { user, host: "127.0.0.1", port, identity, knownHosts },
    publicHostKey,
    async rotateHostKeys() {
      for (const type of hostKeys) {
        rmSync(keyFile(type));
        rmSync(`${keyFile(type)}.pub`);
        makeKey(keyFile(type), type);
      }
      await terminate();
      await launch();
    },
    killConnections() {
      if (child.pid === undefined) return;
      for (const pid of descendants(child.pid)) {
        if (commandLine(pid).startsWith("sshd:")) kill(pid);
      }
    },
    log: () => log,
    async stop() {
      process.off("exit", abandon);
      await terminate();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Makes a key pair; `passphrase` protects the private one. */
export function makeKey(path: string, type: HostKeyType = "ed25519", passphrase = ""): void {
  const bits = type === "rsa" ? ["-b", "2048"] : [];
  execFileSync("ssh-keygen", ["-q", "-t", type, ...bits, "-N", passphrase, "-C", "rehome-test", "-f", path]);
}

/**
 * The argv that runs sshd where /etc/passwd, shadow, group and sudoers are copies with one more user.
 * The mounts end with the namespace, which ends with sshd.
 */
function privateAccounts(folder: string, account: TestAccount, argv: readonly string[]): string[] {
  const etc = join(folder, "etc");
  const home = join(folder, "home");
  mkdirSync(join(etc, "sudoers.d"), { recursive: true });
  mkdirSync(home, { recursive: true });
  const hash =
    account.password === undefined
      ? "*"
      : execFileSync("openssl", ["passwd", "-6", "-stdin"], { input: account.password, encoding: "utf8" }).trim();
  const uid = 64_321;
  const bound: string[] = [];
  function bind(name: string, text: string, mode: number): void {
    if (!existsSync(`/etc/${name}`)) return;
    writeFileSync(join(etc, name), text, { mode });
    bound.push(name);
  }
  bind(
    "passwd",
    `${readFileSync("/etc/passwd", "utf8")}${account.name}:x:${uid}:${uid}::${home}:${account.shell ?? "/bin/sh"}\n`,
    0o644,
  );
  bind("group", `${readFileSync("/etc/group", "utf8")}${account.name}:x:${uid}:\n`, 0o644);
  bind("shadow", `${readFileSync("/etc/shadow", "utf8")}${account.name}:${hash}:20000:0:99999:7:::\n`, 0o640);
  bind("sudoers", `Defaults env_reset\n${account.sudoers ?? ""}\n`, 0o440);
  execFileSync("chown", ["-R", `${uid}:${uid}`, home]);
  const script =
    'etc=$1; shift; for name in $1; do mount --bind "$etc/$name" "/etc/$name" || exit 1; done; shift; exec "$@"';
  return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", etc, bound.join(" "), ...argv];
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function waitForPort(port: number, child: ChildProcess, log: () => string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if (child.exitCode !== null) throw new Error(`sshd ended with exit code ${child.exitCode}: ${log()}`);
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1");
      socket.on("connect", () => {
        socket.destroy();
        resolve(true);
      });
      socket.on("error", () => resolve(false));
    });
    if (open) return;
    await sleep(50);
  }
  throw new Error(`sshd did not listen on port ${port} within 10 s: ${log()}`);
}

/** Every process below `pid`, parents before children. */
function descendants(pid: number): number[] {
  let children: string;
  try {
    children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  } catch {
    return []; // it has just ended
  }
  return children
    .split(" ")
    .filter((word) => word !== "")
    .flatMap((word) => [Number(word), ...descendants(Number(word))]);
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // it has just ended
  }
}
