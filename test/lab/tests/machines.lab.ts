import assert from "node:assert/strict";
import type { RehomeError } from "../../../src/lib/errors.js";
import { Lab } from "../lab.js";
import type { Machine } from "../machine/machine.js";
import { restoreSnapshot, takeSnapshot } from "../snapshots.js";

const BOOT_MS = 5 * 60_000;
const RESTORE_MS = 20_000;

describe("the lab: what tests can do to a machine", () => {
  let lab: Lab;
  let alpha: Machine;
  let beta: Machine;

  before(async () => {
    lab = await Lab.open((line) => console.log(`      ${line}`));
    await lab.up("alpha", "beta");
    [alpha, beta] = [lab.machine("alpha"), lab.machine("beta")];
  });
  after(() => lab.close());

  /** Whether beta answers alpha's ping on a network. */
  async function reaches(network: "lan" | "backplane"): Promise<boolean> {
    const ping = await alpha.run(["ping", "-q", "-c", "3", "-i", "0.3", "-W", "2", beta.address(network)]);
    return ping.exitCode === 0;
  }

  it("cuts a link: the machine sees the carrier go, the other network stays", async () => {
    const carrier = async (): Promise<string> => (await beta.check(["cat", "/sys/class/net/enp0s4/carrier"])).trim();
    assert.equal(await reaches("backplane"), true);
    await beta.cutLink("backplane");
    assert.equal(await carrier(), "0");
    assert.equal(await reaches("backplane"), false);
    assert.equal(await reaches("lan"), true);
    await beta.restoreLink("backplane");
    assert.equal(await carrier(), "1");
    assert.equal(await reaches("backplane"), true);
  });

  it("freezes a machine, which then goes on where it stood", async () => {
    await beta.freeze();
    assert.equal(await beta.runState(), "paused");
    assert.equal(await reaches("lan"), false);
    await beta.thaw();
    assert.equal(await reaches("lan"), true);
  });

  it("goes back to a snapshot, memory included, within twenty seconds", async () => {
    await beta.check(["sh", "-c", "echo before >/root/on-disk; echo before >/dev/shm/in-memory"]);
    await takeSnapshot(lab, "one");
    await beta.check(["sh", "-c", "echo after >/root/on-disk; echo after >/dev/shm/in-memory; sync"]);
    await alpha.cutPower();

    const startedAt = Date.now();
    await restoreSnapshot(lab, "one");
    await Promise.all([alpha, beta].map((machine) => machine.waitForSsh(RESTORE_MS)));
    const ms = Date.now() - startedAt;
    console.log(`      back after ${(ms / 1000).toFixed(1)} s`);
    assert.ok(ms < RESTORE_MS);
    assert.equal(await beta.check(["cat", "/root/on-disk", "/dev/shm/in-memory"]), "before\nbefore\n");
    assert.equal(await reaches("backplane"), true);
    await assert.rejects(restoreSnapshot(lab, "two"), (error: RehomeError) => error.code === "usage");
  });

  it("boots again after a power cut, with what was on its disk and not in its memory", async () => {
    await beta.writeFile("/etc/hostname", "gamma\n");
    await beta.cutPower();
    assert.equal(await beta.isOn(), false);
    await beta.powerOn();
    await beta.waitForSsh(BOOT_MS);
    assert.equal(await beta.check(["hostname"]), "gamma\n");
    assert.equal((await beta.run(["test", "-e", "/dev/shm/in-memory"])).exitCode, 1);
    assert.match(await beta.console(), /gamma/);
  });
});
