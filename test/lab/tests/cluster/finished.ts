import assert from "node:assert/strict";
import type { FenceTestResult } from "../../../../src/cluster/setup/fence-test.js";
import type { InitResult } from "../../../../src/cluster/setup/init.js";
import { formatDuration } from "../../../../src/lib/units.js";
import { rehome } from "../../../helpers/rehome.js";
import { Lab } from "../../lab.js";
import type { Machine } from "../../machine/machine.js";
import { hasSnapshot, restoreSnapshot, takeSnapshot } from "../../snapshots.js";
import { eventually } from "../eventually.js";
import { ARBITRATOR, HOSTS, writeConfiguration } from "./configuration.js";

/** The lab's snapshot of a cluster that was made by the product, fenced once on both hosts, and has no guest yet. */
export const CLUSTER_SNAPSHOT = "cluster";

const ANSWER_MS = 5 * 60_000;
const SETTLE_MS = 5 * 60_000;

/** The lab's two hosts and tie-breaker, and the product's commands on them. */
export class ClusterLab {
  readonly lab: Lab;
  /** rehome.yaml with the cluster's section. */
  readonly config: string;

  private constructor(lab: Lab, config: string) {
    this.lab = lab;
    this.config = config;
  }

  /** The machines, switched on; whether there is a cluster is not looked at. */
  static async open(log: (line: string) => void): Promise<ClusterLab> {
    const lab = await Lab.open(log);
    await lab.up(...HOSTS, ARBITRATOR);
    return new ClusterLab(lab, await writeConfiguration(lab));
  }

  /**
   * A finished cluster: as the lab's snapshot has it, or made with `rehome cluster init` and both fence tests, and kept
   * as that snapshot. What the machines were before is gone.
   */
  static async finished(log: (line: string) => void): Promise<ClusterLab> {
    const lab = await Lab.open(log);
    if (await hasSnapshot(lab, CLUSTER_SNAPSHOT)) {
      const cluster = new ClusterLab(lab, await writeConfiguration(lab));
      await cluster.restore();
      return cluster;
    }
    await lab.close();
    const cluster = await ClusterLab.open(log);
    await cluster.init();
    await cluster.testFencing(log);
    await cluster.keep();
    return cluster;
  }

  /** A host, or the tie-breaker. */
  machine(name: string): Machine {
    return this.lab.machine(name);
  }

  /** Whether a host runs a guest, by libvirt's own word. */
  async runs(host: string, guest: string): Promise<boolean> {
    const names = await this.machine(host).check(["virsh", "--quiet", "list", "--name"]);
    return names.split("\n").includes(guest);
  }

  /** The hosts that run a guest; each must answer. */
  async hostsOf(guest: string): Promise<readonly string[]> {
    const found: string[] = [];
    for (const host of HOSTS) if (await this.runs(host, guest)) found.push(host);
    return found;
  }

  /** Runs a command of the product that must succeed. @returns what it prints with --json */
  async rehome<T>(command: string, ...argv: readonly string[]): Promise<T> {
    const { status, stdout, stderr } = await this.tryRehome(command, ...argv);
    assert.equal(status, 0, stdout + stderr);
    return JSON.parse(stdout) as T;
  }

  /** Runs a command of the product, with --json, whatever comes of it. */
  tryRehome(command: string, ...argv: readonly string[]): ReturnType<typeof rehome> {
    return rehome(command, ...argv, "--config", this.config, "--json");
  }

  init(): Promise<InitResult> {
    return this.rehome<InitResult>("cluster init");
  }

  /** Fences both hosts, one after the other. */
  async testFencing(log: (line: string) => void): Promise<void> {
    for (const host of HOSTS) {
      const { fencedMs, backMs } = await this.rehome<FenceTestResult>("cluster fence-test", host, "--yes");
      log(`${host}: fenced after ${formatDuration(fencedMs)}, back after ${formatDuration(backMs)}`);
      await this.settled();
    }
  }

  /** Waits until both hosts are members and Pacemaker has nothing left to do. */
  async settled(): Promise<void> {
    await eventually(SETTLE_MS, async () => {
      const status = await this.machine(HOSTS[0]).check(["crm_mon", "-1", "--output-as=xml"]);
      assert.match(status, /<current_dc [^>]*with_quorum="true"/);
      const nodes = (status.match(/<node [^>]*online=[^>]*>/g) ?? []).filter((node) =>
        ['online="true"', 'unclean="false"', 'pending="false"'].every((state) => node.includes(state)),
      );
      assert.equal(nodes.length, HOSTS.length, status);
      await this.machine(HOSTS[0]).check(["crm_resource", "--wait", "--timeout", "60s"], { timeoutMs: 90_000 });
    });
  }

  /** Keeps the cluster as it is for whoever asks for a finished one. */
  async keep(): Promise<void> {
    await this.settled();
    await takeSnapshot(this.lab, CLUSTER_SNAPSHOT);
  }

  /** Goes back to the cluster without guests, or to another snapshot. The machines' clocks are put right: they had stood still. */
  async restore(snapshot = CLUSTER_SNAPSHOT): Promise<void> {
    const running = await restoreSnapshot(this.lab, snapshot);
    await Promise.all(
      running.map(async (machine) => {
        await machine.waitForSsh(ANSWER_MS);
        await machine.setClock();
      }),
    );
    await this.settled();
  }

  async close(): Promise<void> {
    await this.lab.close();
  }
}
