import assert from "node:assert/strict";
import { asRehomeError, formatError } from "../../../src/lib/errors.js";
import { localHost } from "../../../src/lib/host/local-host.js";
import { warmUp } from "../../../src/migrators/conversion/guestfs/appliance.js";
import { wrap } from "../../../src/lib/view/table.js";
import { Client } from "../../demo/client.js";
import { accelerator } from "../../helpers/accelerator.js";
import { LEDGER_PORT } from "../../helpers/server-image.js";
import { XEN_GUESTS } from "../images/xen.js";
import { HOSTS } from "./cluster/configuration.js";
import { ClusterLab } from "./cluster/finished.js";
import { Move } from "./cluster/move.js";
import { Meter } from "./figures/meter.js";
import { figuresOf, type Way } from "./figures/model.js";
import { coldCopy, oneDelta, preparePeers, type Bench } from "./figures/peers.js";
import { goBack, rehomeWay } from "./figures/rehome-way.js";
import { GROUP, SourceDomain } from "./figures/source-domain.js";
import { figuresTable, judge, LEGEND, type Delta } from "./figures/table.js";
import { WayClock } from "./figures/way-clock.js";

/**
 * The same guest, db1, moved by rehome and as one would without it, one way after the other: each begins with the domain
 * running on its Xen host and a client taking numbers, has the guest write LOAD_MIB in between, and ends when the cluster
 * could start it, on a replicated volume on the same disks. virt-v2v converts where rehome does, on the machine that runs
 * rehome, and both peers register their guest with rehome's own command, so that no way is spared that.
 *
 * What emulation does to it: a login and the start of a program take seconds, which weighs on what is short. The disk is
 * small, for a server's, though larger than the guest's file system: who copies disks copies all of it.
 */
const GUEST = "db1";
const MIB = 2 ** 20;
/** As large as the lab's disks allow, with room for snapshots on the source. */
const DISK = 1920 * MIB;
const LOAD_MIB = 32;
const HOURS = 3_600_000;

const log = (line: string): void => console.log(`      ${new Date().toISOString().slice(11, 19)} ${line}`);

describe("figures: rehome, one delta, and a cold copy, of the same guest under the same load", () => {
  let cluster: ClusterLab | undefined;
  let meter: Meter | undefined;
  let move: Move;
  let bench: Bench;
  const guest = XEN_GUESTS.find(({ name }) => name === GUEST) ?? assert.fail(`there is no ${GUEST}`);

  before(async function () {
    this.timeout(HOURS);
    cluster = await ClusterLab.finished(log);
    move = await Move.ofDomains(cluster);
    const source = new SourceDomain(cluster.machine("dom0"), guest, log);
    await source.begin();
    await source.grow(DISK);
    await source.addGrubTools();
    await source.write(LOAD_MIB); // its file is there in every way
    meter = await Meter.start(source.dom0, GROUP);
    bench = {
      ...{ cluster, source, meter, log, size: DISK },
      target: cluster.machine(HOSTS[0]),
      load: () => source.write(LOAD_MIB),
    };
    await preparePeers(bench);
    await warmUp(localHost(), (await accelerator()) === "kvm");
  });
  after(async () => {
    await meter?.stop();
    await cluster?.close();
  });

  it("are within the targets", async function () {
    this.timeout(6 * HOURS);
    const ways: Way[] = [];
    const notes: string[] = [];
    const failed: string[] = [];
    let delta: Delta | undefined;

    /** Whatever goes wrong is said at the end: what was measured is shown in any case. */
    async function attempt(what: string, work: () => Promise<void>): Promise<void> {
      try {
        log(what);
        await work();
      } catch (thrown) {
        const text = formatError(asRehomeError(thrown));
        log(`${what} failed: ${text}`);
        failed.push(`${what}: ${text.split("\n")[0] ?? ""}`);
      }
    }

    function measure(name: string, go: (clock: WayClock) => Promise<Way>): Promise<void> {
      return attempt(name, async () => {
        await bench.source.begin();
        const clock = new WayClock(name, bench.meter, log);
        const client = new Client(guest.address, LEDGER_PORT);
        try {
          ways.push(await go(clock));
          notes.push(...clock.notes);
        } finally {
          await client.stop();
          log(`${name}: the client got ${client.acknowledged.length} numbers`);
        }
      });
    }

    await measure("rehome", async (clock) => {
      const measured = await rehomeWay(bench, move, clock);
      ({ delta } = measured);
      return measured.way;
    });
    await attempt("back to the source", () => goBack(bench, move));
    await measure("one delta", (clock) => oneDelta(bench, clock));
    await measure("cold copy", (clock) => coldCopy(bench, clock));

    const figures = ways.map((way) => figuresOf(way, bench.meter.readings));
    const verdicts = judge(figures, delta);
    const title = `${GUEST}: a disk of ${DISK / MIB} MiB, ${LOAD_MIB} MiB written between the first copy and the end`;
    const said = [...LEGEND, ...notes, ...failed].flatMap((text) => wrap(text, 80));
    console.log(["", title, "", ...figuresTable(figures), "", ...said, ""].join("\n"));
    for (const { text } of verdicts) console.log(text);
    assert.deepEqual([...failed, ...verdicts.filter(({ met }) => !met).map(({ text }) => text)], []);
  });
});
