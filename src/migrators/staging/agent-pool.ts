import { RehomeError } from "../../lib/errors.js";
import type { Host } from "../../lib/host/types.js";
import { openAgent, refuseCached } from "./agent.js";
import type { SourceAgent } from "./agent-types.js";
import { readFailed } from "./agent-process.js";
import { copiesOf } from "./copies.js";
import { checkIdentity } from "./identity.js";
import type { HelloDisk } from "./protocol.js";
import type { Throttle } from "../../lib/throttle.js";
import type { AgentInfo, StagingContext } from "./types.js";
import type { SourceDisk } from "../types.js";

interface Opened {
  readonly host: Host;
  readonly agent: SourceAgent;
  /** What it has open. */
  devices: readonly AgentDevice[];
}

/** A device that agents read. */
export interface AgentDevice {
  readonly path: string;
  /** What it is a view of, from its first byte on: its identity is checked by that. */
  readonly source?: SourceDisk;
}

const NONE: readonly AgentDevice[] = [];

/**
 * The agents of a session, each with a connection of its own. They are kept from pass to pass; the devices are not: each
 * pass opens its own, so that nothing is read by a descriptor from a time before.
 */
export class AgentPool {
  private readonly opened = new Map<number, Opened>();
  private current: readonly AgentDevice[] = NONE;
  /** What the first agent said; the source is the same run as long as all say the same of it. */
  private greeted: { readonly info: AgentInfo; readonly bootId: string } | undefined;
  /** Bytes that travelled for agents that were closed. */
  private closedBytes = 0;

  constructor(
    private readonly context: Pick<StagingContext, "connect" | "plan" | "signal">,
    private readonly limit: Throttle,
    private readonly interpreters: readonly string[] | undefined,
  ) {
    this.readPlanned();
  }

  /** From now on agents read the guest's disks, which are checked against the plan. */
  readPlanned(): void {
    this.read(copiesOf(this.context.plan).map((source) => ({ path: source.sourcePath, source })));
  }

  /** From now on agents read these devices, each agent from when it is asked for. */
  read(devices: readonly AgentDevice[]): void {
    if (!same(devices, this.current)) this.current = devices;
  }

  /** Bytes that travelled so far in both directions. */
  wireBytes(): number {
    return [...this.opened.values()].reduce((sum, { agent }) => sum + agent.wireBytes(), this.closedBytes);
  }

  /** What reads the source. */
  get info(): AgentInfo {
    return this.said.info;
  }

  /** The source's boot id. */
  get bootId(): string {
    return this.said.bootId;
  }

  private get said(): { readonly info: AgentInfo; readonly bootId: string } {
    if (this.greeted === undefined) throw new RehomeError("internal", "no agent was asked for");
    return this.greeted;
  }

  first(): Promise<SourceAgent> {
    return this.get(0);
  }

  /**
   * The agent with this number, opened when there is none. Its devices are checked when it opens them. One that was kept
   * and does not answer any more is replaced.
   * @throws RehomeError disk-changed, disk-missing, source-tool-missing, agent-failed, and what connecting throws
   */
  async get(index: number): Promise<SourceAgent> {
    const kept = this.opened.get(index);
    if (kept?.devices === this.current) return kept.agent;
    const found = kept !== undefined && (await this.changeDevices(index, kept)) ? kept : await this.open(index);
    try {
      this.check(found);
    } catch (thrown) {
      await this.end(index);
      throw thrown;
    }
    return found.agent;
  }

  /** Has an agent read what is to be read now. @returns false when it is no more, and was closed */
  private async changeDevices(index: number, one: Opened): Promise<boolean> {
    const devices = this.current;
    try {
      await one.agent.open(devices.map(({ path }) => path));
      one.devices = devices;
      return true;
    } catch (thrown) {
      await this.end(index);
      if (this.context.signal?.aborted) throw thrown;
      return false; // whoever opens another hears why that does not work either
    }
  }

  private async open(index: number): Promise<Opened> {
    const { connect, signal } = this.context;
    const { limit, interpreters, current: devices } = this;
    const host = await connect();
    try {
      const agent = await openAgent({ host, disks: devices.map(({ path }) => path), limit, interpreters, signal });
      const one = { host, agent, devices };
      this.opened.set(index, one);
      return one;
    } catch (thrown) {
      await host.close();
      throw thrown;
    }
  }

  private check({ host, agent, devices }: Opened): void {
    const { hello } = agent;
    this.greeted ??= { info: agent.info, bootId: hello.bootId };
    const paths = devices.map(({ path }) => path);
    for (const [index, device] of devices.entries()) checkDevice(host.name, device, hello.disks[index]);
    refuseCached(host.name, paths, hello);
    if (hello.bootId === this.bootId) return;
    throw new RehomeError("connection-lost", "the source was restarted during the pass", {
      machine: host.name,
      remedy: "run the same command again: it goes on where it stopped",
    });
  }

  /** Has the first agent read other devices meanwhile. No agent has any open afterwards. */
  async aside<T>(devices: readonly AgentDevice[], work: (agent: SourceAgent) => Promise<T>): Promise<T> {
    const before = this.current;
    this.read(devices);
    try {
      return await work(await this.first());
    } finally {
      this.read(before);
      await this.letGo();
    }
  }

  /** No agent has any device open afterwards, so that a snapshot can be removed. One that does not answer is closed. */
  async letGo(): Promise<void> {
    await Promise.all(
      [...this.opened].map(async ([index, one]) => {
        if (one.devices.length === 0) return;
        try {
          await one.agent.open([]);
          one.devices = NONE;
        } catch {
          await this.end(index); // with it, its devices are closed; what it fails for, the next one says
        }
      }),
    );
  }

  /** Ends all agents; whoever asks for one afterwards gets a new one. */
  async close(): Promise<void> {
    await Promise.all([...this.opened.keys()].map((index) => this.end(index)));
  }

  private async end(index: number): Promise<void> {
    const one = this.opened.get(index);
    if (one === undefined) return;
    this.opened.delete(index);
    await one.agent.close();
    this.closedBytes += one.agent.wireBytes();
    await one.host.close();
  }
}

function same(one: readonly AgentDevice[], other: readonly AgentDevice[]): boolean {
  const is = ({ path, source }: AgentDevice, than: AgentDevice | undefined): boolean =>
    path === than?.path && source?.disk === than.source?.disk;
  return one.length === other.length && one.every((device, index) => is(device, other[index]));
}

function checkDevice(machine: string, { path, source }: AgentDevice, found: HelloDisk | undefined): void {
  if (source !== undefined) checkIdentity(machine, { ...source, sourcePath: path }, found);
  else if (found === undefined || found.error !== undefined) {
    throw readFailed(machine, path, undefined, found?.error ?? "ENOENT", "the device cannot be opened");
  }
}
