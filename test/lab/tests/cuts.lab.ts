import assert from "node:assert/strict";
import type { Membership } from "../../../src/cluster/pacemaker/membership.js";
import { delay } from "../../../src/lib/delay.js";
import { runChecked } from "../../../src/lib/host/run.js";
import type { Machine } from "../machine/machine.js";
import { ARBITRATOR, HOSTS } from "./cluster/configuration.js";
import { ClusterLab } from "./cluster/finished.js";
import { addTinyGuest, type TinyGuest } from "./cluster/tiny-guest.js";
import { eventually } from "./eventually.js";

const log = (line: string): void => console.log(`      ${line}`);
const REACT_MS = 6 * 60_000;
/** The tiny guest does not heed the power button: its plug is pulled at the end of the five minutes that a stop may take. */
const MOVE_MS = 10 * 60_000;
/** As long as a cluster that misunderstood would need to stop something: pings are missed, dampened, acted on. */
const QUIET_MS = 90_000;
const CONSTRAINT = /id="drbd-fence-by-handler-web1/;

describe("a cluster that loses a cable, a gateway, its tie-breaker", () => {
  let cluster: ClusterLab;
  let guest: TinyGuest;
  let host: Machine;

  before(async () => {
    cluster = await ClusterLab.finished(log);
    guest = await addTinyGuest(cluster, "web1");
  });
  beforeEach(async () => {
    host = cluster.machine(await guest.host());
  });
  after(() => cluster.close());

  const cib = (): Promise<string> => host.check(["cibadmin", "--query"], { timeoutMs: 60_000 });

  /** The quorum device, as `rehome cluster status` tells of it. */
  async function tieBreaker(): Promise<Membership["tieBreaker"]> {
    const { membership } = await cluster.rehome<{ readonly membership: Membership }>("cluster status");
    return membership.tieBreaker;
  }

  /** A number that it was never told before, so that nothing it had written is lost. */
  async function answers(after: number): Promise<number> {
    let number = Number.NaN;
    await eventually(REACT_MS, async () => {
      number = (await guest.next()) ?? Number.NaN;
      assert.ok(!Number.isNaN(number), "it does not answer");
    });
    assert.ok(number > after, `${number} after ${after}: what it wrote is lost`);
    return number;
  }

  /** It answers all the time, on the same host; slow answers are allowed. */
  async function goesOn(ms: number): Promise<void> {
    const until = Date.now() + ms;
    for (let last = 0; Date.now() < until; last = await answers(last)) await delay(1000);
    assert.equal(await guest.host(), host.name);
  }

  it("keeps the guest running without the backplane, and fences the peer's data until it is the same again", async () => {
    const started = Date.now();
    await host.cutLink("backplane");
    await answers(0);
    await eventually(REACT_MS, async () => assert.match(await cib(), CONSTRAINT));
    log(`the constraint was there after ${Math.round((Date.now() - started) / 1000)} s`);
    const written = await answers(0);
    assert.equal(await guest.host(), host.name);
    for (const name of HOSTS) assert.equal(await cluster.machine(name).isOn(), true, `${name} was fenced`);

    await host.restoreLink("backplane");
    const restored = Date.now();
    await eventually(REACT_MS, async () => {
      assert.equal((await host.check(["drbdadm", "dstate", "web1"])).trim(), "UpToDate/UpToDate");
      assert.doesNotMatch(await cib(), CONSTRAINT);
    });
    log(`the same again, and the constraint gone, ${Math.round((Date.now() - restored) / 1000)} s after the cable`);
    await answers(written);
    assert.equal(await guest.host(), host.name);
  });

  it("goes on without the gateways when neither host reaches them", async () => {
    const answering = (on: boolean): Promise<string> =>
      runChecked(cluster.lab.world, ["sysctl", "-qw", `net.ipv4.icmp_echo_ignore_all=${on ? 0 : 1}`]);
    await answering(false);
    try {
      await eventually(REACT_MS, async () => {
        const values = [...(await cib()).matchAll(/<nvpair [^>]*name="pingd" value="(\d+)"/g)].map(
          ([, value]) => value,
        );
        assert.deepEqual(values, ["0", "0"]);
      });
      await goesOn(QUIET_MS);
    } finally {
      await answering(true);
    }
    await eventually(REACT_MS, async () => {
      assert.equal((await cib()).match(/name="pingd" value="1000"/g)?.length, 2);
    });
    await goesOn(1000);
  });

  it("goes on without its tie-breaker, and says that it is gone", async () => {
    await cluster.machine(ARBITRATOR).cutLink("lan");
    await eventually(REACT_MS, async () => {
      const quorum = (await host.run(["corosync-quorumtool", "-s"])).stdout;
      assert.match(quorum, /^Total votes: +2$/m);
      assert.match(quorum, /^Quorate: +Yes$/m);
    });
    assert.equal((await tieBreaker())?.connected, false);
    await goesOn(30_000);
    await cluster.machine(ARBITRATOR).restoreLink("lan");
    await eventually(REACT_MS, async () => {
      assert.match((await host.run(["corosync-quorumtool", "-s"])).stdout, /^Total votes: +3$/m);
      assert.equal((await tieBreaker())?.connected, true);
    });
  });

  it("moves the guest away from a host that loses the LAN", async () => {
    const last = await answers(0);
    const started = Date.now();
    await host.cutLink("lan");
    const other = cluster.machine(HOSTS.find((name) => name !== host.name) ?? "");
    await eventually(MOVE_MS, async () => assert.equal(await cluster.runs(other.name, guest.name), true));
    await answers(last);
    log(`it answers on ${other.name} ${Math.round((Date.now() - started) / 1000)} s after the cut`);
    await host.restoreLink("lan");
    await host.waitForSsh(REACT_MS);
    assert.equal(await cluster.runs(host.name, guest.name), false);
  });
});
