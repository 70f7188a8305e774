import { RehomeError } from "../../lib/errors.js";
import type { Host } from "../../lib/host/types.js";
import { openAgent } from "./agent.js";
import type { SourceAgent } from "./agent-types.js";
import { readFailed } from "./agent-process.js";
import { copiesOf } from "./copies.js";
import { checkIdentity } from "./identity.js";
import type { HelloDisk } from "./protocol.js";
import type { Throttle } from "../../lib/throttle.js";
import type { StagingContext } from "./types.js";
import type { SourceDisk } from "../types.js";

interface Opened {
  readonly host: Host;
  readonly agent: SourceAgent;
}

/** A device that agents read. */
export interface AgentDevice {
  readonly path: string;
  /** What it is a view of, from its first byte on: its identity is checked by that. */
  readonly source?: SourceDisk;
}

/** The agents of a session, each with a connection of its own; they are kept from pass to pass. */
export class AgentPool {
  private readonly opened: Opened[] = [];

  constructor(
    private readonly context: Pick<StagingContext, "connect" | "plan" | "signal">,
    private readonly limit: Throttle,
    private readonly interpreters: readonly string[] | undefined,
    readonly devices: readonly AgentDevice[] = copiesOf(context.plan).map((source) => ({
      path: source.sourcePath,
      source,
    })),
    private bootId?: string,
  ) {}

  /** Agents that read other devices of the same machine, within the same limits; the caller closes them. */
  reading(devices: readonly AgentDevice[]): AgentPool {
    return new AgentPool(this.context, this.limit, this.interpreters, devices, this.bootId);
  }

  get size(): number {
    return this.opened.length;
  }

  /** Bytes that travelled so far in both directions. */
  wireBytes(): number {
    return this.opened.reduce((sum, { agent }) => sum + agent.wireBytes(), 0);
  }

  first(): Promise<SourceAgent> {
    return this.get(0);
  }

  /**
   * The agent with this number, opened when there are fewer. Every agent's disks are checked against the plan.
   * @throws RehomeError disk-changed, disk-missing, source-tool-missing, agent-failed, and what connecting throws
   */
  async get(index: number): Promise<SourceAgent> {
    const found = this.opened[index];
    if (found !== undefined) return found.agent;
    const { connect, signal } = this.context;
    const host = await connect();
    try {
      const disks = this.devices.map(({ path }) => path);
      const { limit, interpreters } = this;
      const agent = await openAgent({ host, disks, limit, interpreters, signal });
      this.opened.push({ host, agent });
      for (const [index, device] of this.devices.entries()) checkDevice(host.name, device, agent.hello.disks[index]);
      this.refuseOtherBoot(host, agent);
      return agent;
    } catch (thrown) {
      await host.close();
      throw thrown;
    }
  }

  private refuseOtherBoot(host: Host, agent: SourceAgent): void {
    this.bootId ??= agent.hello.bootId;
    if (agent.hello.bootId === this.bootId) return;
    throw new RehomeError("connection-lost", "the source was restarted during the pass", {
      machine: host.name,
      remedy: "run the same command again: it goes on where it stopped",
    });
  }

  async close(): Promise<void> {
    const opened = this.opened.splice(0);
    await Promise.all(
      opened.map(async ({ host, agent }) => {
        await agent.close();
        await host.close();
      }),
    );
  }
}

function checkDevice(machine: string, { path, source }: AgentDevice, found: HelloDisk | undefined): void {
  if (source !== undefined) checkIdentity(machine, { ...source, sourcePath: path }, found);
  else if (found === undefined || found.error !== undefined) {
    throw readFailed(machine, path, undefined, found?.error ?? "ENOENT", "the device cannot be opened");
  }
}
