import assert from "node:assert/strict";
import type { CutoverResult } from "../../../src/migrators/cutover/index.js";
import { placedOn } from "../../../src/migrators/landing/placement.js";
import type { StageResult } from "../../../src/migrators/staging/index.js";
import { ARBITRATOR, HOSTS } from "./cluster/configuration.js";
import type { ClusterLab } from "./cluster/finished.js";
import { begins, type Move } from "./cluster/move.js";
import { MovedDomain } from "./cluster/moved-domain.js";
import { eventually } from "./eventually.js";

const log = (line: string): void => console.log(`      ${line}`);
const BOOT_MS = 20 * 60_000;
const HOURS = 3_600_000;
const GUEST = "db1";

describe("a move with mishaps", () => {
  let cluster: ClusterLab;
  let move: Move;
  let guest: MovedDomain;

  before(async () => {
    guest = await MovedDomain.prepare(GUEST, log);
    ({ cluster, move } = guest);
  });
  after(() => cluster.close());

  /** The host that the guest is copied to. */
  async function placement(): Promise<string> {
    return placedOn(await move.records(GUEST)) ?? "";
  }

  it("is refused while a host has no room for the copy, and leaves nothing behind", async () => {
    const group = "vg_guests";
    const beta = cluster.machine("beta");
    await beta.check(["lvcreate", "--quiet", "--yes", "--name", "hog", "--extents", "90%FREE", group]);
    const { status: code, stdout } = await move.tryRun("stage", GUEST);
    await beta.check(["lvremove", "--quiet", "--yes", `${group}/hog`]);
    assert.notEqual(code, 0, stdout);
    assert.match(stdout, /beta/);
    log(JSON.stringify((JSON.parse(stdout) as { error: object }).error).slice(0, 300));
    for (const host of HOSTS) assert.doesNotMatch(await cluster.machine(host).check(["lvs"]), /db1/);
    await guest.takeNumber();
  });

  it("goes back to the source by itself when its target loses power in the last pass", async function () {
    this.timeout(HOURS);
    await move.run<StageResult>("stage", GUEST);
    const host = cluster.machine(await placement());
    const { status: code, output } = await move.disturbed(GUEST, "cutover", begins("final-pass"), () =>
      host.cutPower(),
    );
    assert.ok(code !== undefined && code !== 0, output);
    assert.equal(await guest.runsOnSource(), true);
    assert.equal((await guest.overview(log)).authoritative, "source");
    await guest.takeNumber();
    await host.waitForSsh(BOOT_MS); // it was fenced, and so switched on again
    await cluster.settled();
    assert.deepEqual(await guest.hosts(), []);
  });

  it("goes on at the next call when the source was cut off in the last pass", async function () {
    this.timeout(HOURS);
    await cluster.machine(ARBITRATOR).cutLink("lan"); // nobody needs it as long as both hosts are there
    await move.run<StageResult>("stage", GUEST);
    const dom0 = cluster.machine("dom0");
    const { status: code, output } = await move.disturbed(GUEST, "cutover", begins("final-pass"), () =>
      dom0.cutLink("lan"),
    );
    assert.ok(code !== undefined && code !== 0, output);
    await guest.overview(log);
    assert.deepEqual(await guest.hosts(), []);
    await dom0.restoreLink("lan");
    await cluster.machine(ARBITRATOR).restoreLink("lan");
    await cluster.settled();
    await dom0.waitForSsh(BOOT_MS);
    assert.equal((await guest.overview(log)).authoritative, "source");
    await cluster.machine(await otherHost()).check(["systemctl", "poweroff", "--no-block"]); // it is not needed
    await move.run<CutoverResult>("cutover", GUEST);
    await guest.takeNumber();
    assert.equal(await guest.runsOnSource(), false);
  });

  async function otherHost(): Promise<string> {
    const host = await placement();
    return HOSTS.find((name) => name !== host) ?? "";
  }

  it("is highly available once the other host is back and has been given the guest", async function () {
    this.timeout(HOURS);
    const { next, because } = await guest.overview(log);
    assert.match(`${because} ${next}`, new RegExp(await otherHost()));
    const other = cluster.machine(await otherHost());
    await other.powerOn();
    await other.waitForSsh(BOOT_MS);
    await move.run("cluster add", GUEST);
    await eventually(BOOT_MS, async () => {
      assert.match(await other.check(["drbdadm", "dstate", GUEST]), /^UpToDate\/UpToDate$/m);
    });
    const [host = ""] = await guest.hosts();
    const cutAt = Date.now();
    await cluster.machine(host).cutPower();
    await guest.takeNumber();
    log(`${Math.round((Date.now() - cutAt) / 1000)} s from the cut to an answer`);
    assert.equal(await cluster.runs(other.name, GUEST), true);
  });
});
