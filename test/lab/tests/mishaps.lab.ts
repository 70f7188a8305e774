import assert from "node:assert/strict";
import type { CutoverResult } from "../../../src/migrators/cutover/index.js";
import type { GuestRecord } from "../../../src/migrators/guest-store.js";
import type { StageResult } from "../../../src/migrators/staging/index.js";
import type { GuestOverview } from "../../../src/migrators/status.js";
import { ARBITRATOR, HOSTS } from "./cluster/configuration.js";
import { ClusterLab } from "./cluster/finished.js";
import { Move } from "./cluster/move.js";
import { eventually } from "./eventually.js";
import { askLedger } from "./ledger.js";

const log = (line: string): void => console.log(`      ${line}`);
const BOOT_MS = 20 * 60_000;
const HOURS = 3_600_000;
const GUEST = "db1";
const ADDRESS = "192.0.2.22";

describe("a move with mishaps", () => {
  let cluster: ClusterLab;
  let move: Move;
  let last = 0;

  before(async () => {
    cluster = await ClusterLab.finished(log);
    move = await Move.ofDomains(cluster);
    await takeNumber();
  });
  after(() => cluster.close());

  /** Takes a number from the service, wherever it runs: each is on its disk before it is given out. */
  async function takeNumber(): Promise<void> {
    await eventually(BOOT_MS, async () => {
      const number = await askLedger(ADDRESS);
      assert.ok(number > last, `${number} was given out before: ${last} was the last`);
      last = number;
    });
  }

  /** The hosts that run the guest, by libvirt's own word. */
  async function hostsOf(): Promise<readonly string[]> {
    const found: string[] = [];
    for (const host of HOSTS) {
      const { stdout } = await cluster.machine(host).run(["virsh", "--quiet", "list", "--name"]);
      if (stdout.split("\n").includes(GUEST)) found.push(host);
    }
    return found;
  }

  async function runsOnSource(): Promise<boolean> {
    return (await cluster.machine("dom0").run(["xl", "list", GUEST])).exitCode === 0;
  }

  async function status(): Promise<GuestOverview> {
    const { guests } = await move.run<{ readonly guests: readonly GuestOverview[] }>("status", GUEST);
    const [found = assert.fail("no status")] = guests;
    log(`${found.authoritative} counts: ${found.because}; next: ${found.next}`);
    return found;
  }

  /** The host that the guest is copied to. */
  async function placement(): Promise<string> {
    const records = await move.records(GUEST);
    return records.findLast((record) => record.type === "placed")?.host ?? "";
  }

  const begins =
    (step: string) =>
    (record: GuestRecord): boolean =>
      record.type === "step" && record.event === "started" && record.step === step;

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
    await takeNumber();
  });

  it("goes back to the source by itself when its target loses power in the last pass", async function () {
    this.timeout(HOURS);
    await move.run<StageResult>("stage", GUEST);
    const host = cluster.machine(await placement());
    const { status: code, output } = await move.disturbed(GUEST, "cutover", begins("final-pass"), () =>
      host.cutPower(),
    );
    assert.ok(code !== undefined && code !== 0, output);
    assert.equal(await runsOnSource(), true);
    assert.equal((await status()).authoritative, "source");
    await takeNumber();
    await host.waitForSsh(BOOT_MS); // it was fenced, and so switched on again
    await cluster.settled();
    assert.deepEqual(await hostsOf(), []);
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
    await status();
    assert.deepEqual(await hostsOf(), []);
    await dom0.restoreLink("lan");
    await cluster.machine(ARBITRATOR).restoreLink("lan");
    await cluster.settled();
    await dom0.waitForSsh(BOOT_MS);
    assert.equal((await status()).authoritative, "source");
    await cluster.machine(await otherHost()).check(["systemctl", "poweroff", "--no-block"]); // it is not needed
    await move.run<CutoverResult>("cutover", GUEST);
    await takeNumber();
    assert.equal(await runsOnSource(), false);
  });

  async function otherHost(): Promise<string> {
    const host = await placement();
    return HOSTS.find((name) => name !== host) ?? "";
  }

  it("is highly available once the other host is back and has been given the guest", async function () {
    this.timeout(HOURS);
    const { next, because } = await status();
    assert.match(`${because} ${next}`, new RegExp(await otherHost()));
    const other = cluster.machine(await otherHost());
    await other.powerOn();
    await other.waitForSsh(BOOT_MS);
    await move.run("cluster add", GUEST);
    await eventually(BOOT_MS, async () => {
      assert.match(await other.check(["drbdadm", "dstate", GUEST]), /^UpToDate\/UpToDate$/m);
    });
    const [host = ""] = await hostsOf();
    const cutAt = Date.now();
    await cluster.machine(host).cutPower();
    await eventually(BOOT_MS, takeNumber);
    log(`${Math.round((Date.now() - cutAt) / 1000)} s from the cut to an answer`);
    assert.deepEqual(await hostsOf().catch(() => [other.name]), [other.name]);
  });
});
