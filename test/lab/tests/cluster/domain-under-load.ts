import assert from "node:assert/strict";
import type { ReplicatedVolume } from "../../../../src/cluster/volumes/replicated/index.js";
import { formatDuration } from "../../../../src/lib/units.js";
import type { CutoverResult } from "../../../../src/migrators/cutover/index.js";
import type { StageResult } from "../../../../src/migrators/staging/index.js";
import { Client } from "../../../demo/client.js";
import { LEDGER_PORT } from "../../../helpers/server-image.js";
import { HOSTS } from "./configuration.js";
import { MovedDomain } from "./moved-domain.js";

const MIB = 2 ** 20;

/** One of the Xen host's domains on its way, while a client takes numbers from it without pause. */
export class DomainUnderLoad {
  readonly client: Client;

  /** The load begins. */
  constructor(
    readonly guest: MovedDomain,
    private readonly log: (line: string) => void,
  ) {
    this.client = new Client(guest.address, LEDGER_PORT);
  }

  /** A finished cluster, the Xen host and its domain, which answers. */
  static async prepare(name: string, log: (line: string) => void): Promise<DomainUnderLoad> {
    return new DomainUnderLoad(await MovedDomain.prepare(name, log), log);
  }

  /** Copies its disks twice. */
  async stage(): Promise<void> {
    const { passes } = await this.guest.move.run<StageResult>("stage", this.guest.name, "--passes", "2");
    for (const { number, tracker, readBytes, writtenBytes, wireBytes } of passes) {
      const sizes = [readBytes, writtenBytes, wireBytes].map((bytes) => ((bytes ?? Number.NaN) / MIB).toFixed(1));
      this.log(`pass ${number} by ${tracker}: read, written, sent: ${sizes.join(", ")} MiB`);
    }
    this.requireInOrder();
  }

  /** Cuts it over: it answers, as a KVM guest on a replicated volume, and runs nowhere else. */
  async cutOver(bootMs: number): Promise<void> {
    const { cluster, move, name } = this.guest;
    const { downtimeMs, shares } = await move.run<CutoverResult>("cutover", name);
    for (const { title, ms } of shares) this.log(`${formatDuration(ms).padStart(9)}  ${title}`);
    this.log(`${formatDuration(downtimeMs).padStart(9)}  of downtime`);
    await this.client.nextAfter(Date.now(), bootMs);
    this.requireInOrder();
    const hosts = await this.guest.hosts();
    assert.equal(hosts.length, 1, `it runs on ${hosts.join(" and ") || "no host"}`);
    const domain = await cluster.machine(hosts[0] ?? "").check(["virsh", "dumpxml", name]);
    assert.match(domain, /<domain type='kvm'/);
    assert.match(domain, /<source dev='\/dev\/drbd\d+'/);
    await this.requireReplicated();
    assert.equal(await this.guest.runsOnSource(), false, `${name} runs on dom0 as well`);
  }

  /**
   * Every number that was given out is greater than the one before, whoever gave it: none that was acknowledged is lost,
   * and no two copies count for themselves.
   */
  requireInOrder(): void {
    const { acknowledged } = this.client;
    for (const [index, { number }] of acknowledged.entries()) {
      const before = acknowledged[index - 1]?.number ?? 0;
      assert.ok(number > before, `${this.guest.name}: ${number} was given out after ${before}`);
    }
    this.log(`${this.guest.name}: ${acknowledged.length} numbers, the last is ${acknowledged.at(-1)?.number ?? 0}`);
  }

  /** Its volume is UpToDate on both hosts, by each host's own word. */
  async requireReplicated(): Promise<void> {
    const { move, name } = this.guest;
    const { volumes } = await move.run<{ readonly volumes: readonly ReplicatedVolume[] }>("volume list");
    const volume = volumes.find((each) => each.name === name);
    assert.ok(volume);
    const current = volume.parts.map(() => "UpToDate");
    for (const host of HOSTS) assert.deepEqual(volume.states[host]?.disks, current, host);
  }

  async close(): Promise<void> {
    await this.client.stop();
    await this.guest.cluster.close();
  }
}
