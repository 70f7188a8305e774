import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { delay } from "../../../src/lib/delay.js";
import { RehomeError } from "../../../src/lib/errors.js";
import { commandFailed, runChecked } from "../../../src/lib/host/run.js";
import { connectSsh } from "../../../src/lib/host/ssh/index.js";
import type { Host, RunOptions, RunResult } from "../../../src/lib/host/types.js";
import type { MachineSpec, Network } from "../types.js";
import { diskFiles, FILES } from "./qemu.js";
import { hmp, qmp } from "./qmp.js";

const POWER = fileURLToPath(new URL("power.sh", import.meta.url));
const SSH_POLL_MS = 500;
const SSH_ANSWER_MS = 20_000;
/** What a connection to a machine that is still starting, or was just fenced, ends with. */
const NOT_YET: readonly string[] = ["host-unreachable", "connection-lost", "command-timeout"];
const POWER_MS = 60_000;

export interface MachineAccess {
  /** Of this machine's disks, sockets, logs and the key to log in with. */
  readonly folder: string;
  /** Runs programs inside the lab's world. */
  readonly world: Host;
}

/** A machine of the lab, as tests use it: over SSH like the product, and at its plugs, which nothing else reaches. */
export class Machine {
  readonly name: string;
  readonly spec: MachineSpec;
  readonly #access: MachineAccess;
  #host: Promise<Host> | undefined;

  constructor(spec: MachineSpec, access: MachineAccess) {
    this.name = spec.name;
    this.spec = spec;
    this.#access = access;
  }

  /** Its address on one of the networks. @throws RehomeError internal when it is not on it */
  address(network: Network = "lan"): string {
    const nic = this.spec.nics.find((candidate) => candidate.network === network);
    if (nic === undefined) throw new RehomeError("internal", `${this.name} is not on the ${network}`);
    return nic.address;
  }

  /** Private key file that its root accepts. */
  get identity(): string {
    return join(this.#access.folder, FILES.identity);
  }

  /** known_hosts file with its host key. */
  get knownHosts(): string {
    return join(this.#access.folder, FILES.knownHosts);
  }

  /** Unix socket of its serial console. */
  get consoleSocket(): string {
    return join(this.#access.folder, FILES.console);
  }

  /** The command line that logs in to it with OpenSSH; a command may follow. */
  sshArgv(): readonly string[] {
    const options = ["StrictHostKeyChecking=yes", `UserKnownHostsFile=${this.knownHosts}`];
    return ["ssh", "-q", "-i", this.identity, ...options.flatMap((one) => ["-o", one]), `root@${this.address()}`];
  }

  /** Root on it, over SSH; one connection, made anew when it was lost. */
  async host(connectTimeoutMs?: number): Promise<Host> {
    const { identity, knownHosts } = this;
    const target = { user: "root", host: this.address(), port: 22, identity, knownHosts };
    this.#host ??= connectSsh(target, { name: this.name, ...(connectTimeoutMs !== undefined && { connectTimeoutMs }) });
    try {
      return await this.#host;
    } catch (error) {
      this.#host = undefined;
      throw error;
    }
  }

  /** Runs a program on it; see Host.run. */
  async run(argv: readonly string[], options?: RunOptions): Promise<RunResult> {
    const host = await this.host();
    try {
      return await host.run(argv, options);
    } catch (error) {
      if (error instanceof RehomeError && error.code === "connection-lost") await this.#disconnect();
      throw error;
    }
  }

  /** Runs a program that must succeed. @returns its standard output */
  async check(argv: readonly string[], options?: RunOptions): Promise<string> {
    const result = await this.run(argv, options);
    if (result.exitCode !== 0) throw commandFailed(await this.host(), result);
    return result.stdout;
  }

  async writeFile(path: string, data: string | Buffer, mode?: number): Promise<void> {
    await (await this.host()).writeFile(path, data, mode);
  }

  /** Waits until it can be logged in to and runs programs. @throws RehomeError command-timeout with its console's end */
  async waitForSsh(limitMs: number): Promise<void> {
    const until = Date.now() + limitMs;
    for (;;) {
      try {
        const host = await this.host(Math.max(1000, until - Date.now()));
        await host.run(["true"], { timeoutMs: SSH_ANSWER_MS });
        return;
      } catch (error) {
        if (!(error instanceof RehomeError) || !NOT_YET.includes(error.code)) throw error;
        await this.#disconnect();
        if (Date.now() < until) {
          await delay(SSH_POLL_MS);
          continue;
        }
        const output = (await this.console()).trimEnd().split("\n").slice(-25).join("\n");
        const message = `it does not answer ssh: ${error.message}`;
        throw new RehomeError("command-timeout", message, { machine: this.name, output });
      }
    }
  }

  async isOn(): Promise<boolean> {
    return (await this.#power("state")).trim() === "on";
  }

  /** Switches it on, if it is off. @param snapshot whose disks and memory it goes on with; it is then frozen: see `thaw` */
  async powerOn(snapshot?: string): Promise<void> {
    await this.#power("on", ...(snapshot === undefined ? [] : [snapshot]));
  }

  /** Takes its power away, from one instant to the next. */
  async cutPower(): Promise<void> {
    await this.#power("off");
    await this.#disconnect();
  }

  /** Pulls its plug out of a network: it loses the carrier, too. */
  async cutLink(network: Network): Promise<void> {
    await this.monitor(`set_link nic-${network} off`);
  }

  async restoreLink(network: Network): Promise<void> {
    await this.monitor(`set_link nic-${network} on`);
  }

  /** Stops its processor and devices, as a machine that hangs: no carrier is lost, and nothing is answered. */
  async freeze(): Promise<void> {
    await this.monitor("stop");
  }

  async thaw(): Promise<void> {
    await this.monitor("cont");
  }

  /** Puts its clock right, after it stood still. */
  async setClock(): Promise<void> {
    await this.check(["date", "--utc", "--set", `@${Date.now() / 1000}`]);
  }

  /** All that its serial console has shown since it was made, without control characters. */
  async console(): Promise<string> {
    const text = await readFile(join(this.#access.folder, FILES.consoleLog), "latin1").catch(() => "");
    return text.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, "").replace(/[^\n\x20-\x7e]/g, "");
  }

  /** Gives a command to QEMU's monitor, such as `savevm one`. */
  async monitor(command: string): Promise<void> {
    await hmp(this.name, join(this.#access.folder, FILES.qmp), command);
  }

  /** `running`, `paused` …: what QEMU says of it. It has to be on. */
  async runState(): Promise<string> {
    const [answer] = await qmp(this.name, join(this.#access.folder, FILES.qmp), ["query-status"]);
    return (answer as { readonly status: string }).status;
  }

  /** Keeps its disks, and its memory if it is on: it should be frozen then. One of the same name is replaced. */
  async saveSnapshot(name: string): Promise<void> {
    if (await this.isOn()) {
      await this.monitor(`savevm ${name}`);
      return;
    }
    for (const disk of this.#disks()) {
      const listed = await runChecked(this.#access.world, ["qemu-img", "snapshot", "-l", disk]);
      const known = listed.split("\n").some((line) => line.trim().split(/\s+/)[1] === name);
      if (known) await runChecked(this.#access.world, ["qemu-img", "snapshot", "-d", name, disk]);
      await runChecked(this.#access.world, ["qemu-img", "snapshot", "-c", name, disk]);
    }
  }

  /** Puts its disks back to a snapshot; it has to be off. With its memory: see `powerOn`. */
  async restoreDisks(name: string): Promise<void> {
    for (const disk of this.#disks()) await runChecked(this.#access.world, ["qemu-img", "snapshot", "-a", name, disk]);
  }

  /** Lets go of the connection. */
  async close(): Promise<void> {
    await this.#disconnect();
  }

  #disks(): readonly string[] {
    const { folder } = this.#access;
    return diskFiles(readdirSync(folder)).map((name) => join(folder, name));
  }

  async #power(...what: readonly string[]): Promise<string> {
    return runChecked(this.#access.world, ["sh", POWER, this.#access.folder, ...what], { timeoutMs: POWER_MS });
  }

  async #disconnect(): Promise<void> {
    const host = await this.#host?.catch(() => undefined);
    this.#host = undefined;
    await host?.close();
  }
}
