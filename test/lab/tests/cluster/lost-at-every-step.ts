import assert from "node:assert/strict";
import { cp, rm } from "node:fs/promises";
import { takeSnapshot } from "../../snapshots.js";
import { CUTOVER_STEPS } from "../../../../src/migrators/cutover/index.js";
import { placedOn } from "../../../../src/migrators/landing/placement.js";
import type { StageResult } from "../../../../src/migrators/staging/index.js";
import type { Machine } from "../../machine/machine.js";
import { ARBITRATOR, HOSTS } from "./configuration.js";
import { DomainUnderLoad } from "./domain-under-load.js";
import { begins } from "./move.js";
import { MovedDomain } from "./moved-domain.js";

const log = (line: string): void => console.log(`      ${line}`);
const BOOT_MS = 20 * 60_000;
const HOURS = 3_600_000;
const GUEST = "web1";
/** Of all machines, once the guest is staged. */
const SNAPSHOT = "staged";

/** What a cutover loses in the middle of a step, until it has ended. */
export interface Loss {
  /** In a few words, after "when". */
  readonly what: string;
  readonly machine: (machines: Machines) => Machine;
  readonly lose: (machine: Machine) => Promise<void>;
  readonly restore: (machine: Machine) => Promise<void>;
  /** Whether the cutover is to succeed all the same. */
  readonly goesOn: boolean;
  /** What a cutover that succeeds says of it, where it has to. */
  readonly says?: RegExp;
  /** Names of the steps in which it can be lost; all without it. */
  readonly steps?: readonly string[];
  /** What is done before the guest is staged. */
  readonly prepare?: (source: Machine) => Promise<void>;
}

/** The machines of a cutover. */
export interface Machines {
  /** The host that the guest is copied to. */
  readonly target: Machine;
  readonly peer: Machine;
  readonly source: Machine;
  readonly arbitrator: Machine;
}

/** For a loss of power. A host is switched on again by the cluster that fences it; nobody does that for others. */
export const POWER = {
  lose: (machine: Machine): Promise<void> => machine.cutPower(),
  restore: async (machine: Machine): Promise<void> => {
    await machine.powerOn();
    await machine.waitForSsh(BOOT_MS);
  },
};

/**
 * One cutover for each of its steps, each from the same staged guest, under load, with the loss as that step begins. Then
 * exactly one copy runs or is brought up by what `rehome status` says to type, and it has every acknowledged number.
 */
export function lostAtEveryStep({ what, machine, lose, restore, goesOn, says, steps, prepare }: Loss): void {
  describe(`a cutover when ${what}`, function () {
    this.timeout(HOURS);
    let guest: MovedDomain;
    let machines: Machines;
    let folder: string;

    before(async () => {
      guest = await MovedDomain.prepare(GUEST, log);
      await prepare?.(guest.cluster.machine("dom0"));
      await guest.move.run<StageResult>("stage", GUEST, "--passes", "2");
      ({ folder } = guest.move.store(GUEST));
      machines = await machinesOf(guest);
      await takeSnapshot(guest.cluster.lab, SNAPSHOT);
      await rm(`${folder}.${SNAPSHOT}`, { recursive: true, force: true });
      await cp(folder, `${folder}.${SNAPSHOT}`, { recursive: true });
    });
    after(async () => {
      await guest.cluster.close();
    });

    async function putBack(): Promise<void> {
      await guest.cluster.restore(SNAPSHOT);
      await rm(folder, { recursive: true });
      await cp(`${folder}.${SNAPSHOT}`, folder, { recursive: true });
    }

    async function cutOver(step: string): Promise<void> {
      const lost = machine(machines);
      const { status, output } = await guest.move.disturbed(GUEST, "cutover", begins(step), () => lose(lost));
      log(`  cutover ended with ${status}`);
      if (goesOn) assert.equal(status, 0, output);
      if (says !== undefined) assert.match(output, says);
      await restore(lost);
      await guest.cluster.settled();
      if (await guest.requireOneCopy(log)) return;
      await guest.move.run("cutover", GUEST);
      assert.ok(await guest.requireOneCopy(log), output);
    }

    for (const { name, title } of CUTOVER_STEPS.filter((step) => steps?.includes(step.name) ?? true)) {
      it(`at "${title}"`, async () => {
        await putBack();
        const load = new DomainUnderLoad(guest, log);
        try {
          await load.client.nextAfter(Date.now(), BOOT_MS);
          await cutOver(name);
          await load.client.nextAfter(Date.now(), BOOT_MS);
        } finally {
          await load.client.stop();
        }
        load.requireInOrder();
      });
    }
  });
}

async function machinesOf({ cluster, move }: MovedDomain): Promise<Machines> {
  const target = placedOn(await move.records(GUEST)) ?? assert.fail("it was not placed");
  const peer = HOSTS.find((name) => name !== target) ?? assert.fail("there is no other host");
  return {
    target: cluster.machine(target),
    peer: cluster.machine(peer),
    source: cluster.machine("dom0"),
    arbitrator: cluster.machine(ARBITRATOR),
  };
}
