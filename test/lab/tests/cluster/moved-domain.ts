import assert from "node:assert/strict";
import type { GuestOverview } from "../../../../src/migrators/status.js";
import { XEN_GUESTS } from "../../images/xen.js";
import { eventually } from "../eventually.js";
import { askLedger } from "../ledger.js";
import { ClusterLab } from "./finished.js";
import { Move } from "./move.js";

const BOOT_MS = 20 * 60_000;

/** One of the Xen host's domains on its way: who runs it, what it says, what rehome says of it. */
export class MovedDomain {
  private last = 0;

  private constructor(
    readonly cluster: ClusterLab,
    readonly move: Move,
    readonly name: string,
  ) {}

  /** A finished cluster, the Xen host, and its domain, which answers. What the machines were before is gone. */
  static async prepare(name: string, log: (line: string) => void): Promise<MovedDomain> {
    const cluster = await ClusterLab.finished(log);
    try {
      const guest = new MovedDomain(cluster, await Move.ofDomains(cluster), name);
      await guest.takeNumber();
      return guest;
    } catch (error) {
      await cluster.close();
      throw error;
    }
  }

  /** Of its NIC, wherever it runs. */
  get address(): string {
    return XEN_GUESTS.find(({ name }) => name === this.name)?.address ?? "";
  }

  /** Takes a number from its service, wherever that runs: each is on its disk before it is given out. */
  async takeNumber(): Promise<void> {
    await eventually(BOOT_MS, async () => {
      const number = await askLedger(this.address);
      assert.ok(number > this.last, `${number} was given out before: ${this.last} was the last`);
      this.last = number;
    });
  }

  /**
   * At most one copy runs, it is the one that counts, and it is said what to type.
   * @returns whether one runs
   */
  async requireOneCopy(log: (line: string) => void): Promise<boolean> {
    const { authoritative, next } = await this.overview(log);
    const where = [...((await this.runsOnSource()) ? ["source"] : []), ...(await this.hosts())];
    log(`  it runs on ${where.join(" and ") || "none"}`);
    assert.ok(where.length <= 1);
    assert.ok(where.every((place) => (place === "source") === (authoritative === "source")));
    assert.match(next, /rehome/);
    return where.length === 1;
  }

  async runsOnSource(): Promise<boolean> {
    return (await this.cluster.machine("dom0").run(["xl", "list", this.name])).exitCode === 0;
  }

  /** The hosts of the cluster that run it, by libvirt's own word. */
  hosts(): Promise<readonly string[]> {
    return this.cluster.hostsOf(this.name);
  }

  /** What `rehome status` says. */
  async overview(log: (line: string) => void): Promise<GuestOverview> {
    const { guests } = await this.move.run<{ readonly guests: readonly GuestOverview[] }>("status", this.name);
    const [found = assert.fail("no status")] = guests;
    log(`  ${found.authoritative} counts: ${found.because}; next: ${found.next}`);
    return found;
  }
}
