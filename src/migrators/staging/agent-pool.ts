import { RehomeError } from "../../lib/errors.js";
import type { Host } from "../../lib/host/types.js";
import { openAgent } from "./agent.js";
import type { SourceAgent } from "./agent-types.js";
import { copiesOf } from "./copies.js";
import { checkIdentity } from "./identity.js";
import type { Throttle } from "../../lib/throttle.js";
import type { StagingContext } from "./types.js";

interface Opened {
  readonly host: Host;
  readonly agent: SourceAgent;
}

/** The agents of a session, each with a connection of its own; they are kept from pass to pass. */
export class AgentPool {
  private readonly opened: Opened[] = [];

  constructor(
    private readonly context: Pick<StagingContext, "connect" | "plan" | "signal">,
    private readonly limit: Throttle,
    private readonly interpreters: readonly string[] | undefined,
  ) {}

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
    const { connect, plan, signal } = this.context;
    const host = await connect();
    try {
      const copies = copiesOf(plan);
      const disks = copies.map(({ sourcePath }) => sourcePath);
      const { limit, interpreters } = this;
      const agent = await openAgent({ host, disks, limit, interpreters, signal });
      this.opened.push({ host, agent });
      for (const [disk, copy] of copies.entries()) checkIdentity(host.name, copy, agent.hello.disks[disk]);
      this.refuseOtherBoot(host, agent);
      return agent;
    } catch (thrown) {
      await host.close();
      throw thrown;
    }
  }

  private refuseOtherBoot(host: Host, agent: SourceAgent): void {
    const bootId = this.opened[0]?.agent.hello.bootId;
    if (agent.hello.bootId === bootId) return;
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
