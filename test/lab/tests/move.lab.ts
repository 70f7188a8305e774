import assert from "node:assert/strict";
import { formatDuration } from "../../../src/lib/units.js";
import type { CutoverResult } from "../../../src/migrators/cutover/index.js";
import type { StageResult } from "../../../src/migrators/staging/index.js";
import { ClusterLab } from "./cluster/finished.js";
import { Move } from "./cluster/move.js";
import { eventually } from "./eventually.js";
import { askLedger } from "./ledger.js";

const GUEST = "phys";
const FAILOVER_MS = 20 * 60_000;

describe("moving a server onto the lab's cluster", () => {
  let cluster: ClusterLab;
  let move: Move;
  /** The last number that the server's service has given out. */
  let last = 0;
  before(async () => {
    cluster = await ClusterLab.finished((line) => console.log(`      ${line}`));
    move = await Move.ofServer(cluster);
  });
  after(() => cluster.close());

  /** Takes a number from the service, wherever it runs: each is on its disk before it is given out. */
  async function takeNumber(): Promise<void> {
    const number = await askLedger(cluster.machine("phys").address());
    assert.ok(number > last, `${number} was given out before: ${last} was the last`);
    last = number;
  }
  /** The host that libvirt runs the guest on, for real. */
  async function runsOn(): Promise<string> {
    const found = await cluster.hostsOf(GUEST);
    const [host = ""] = found;
    assert.equal(found.length, 1, `it runs on ${found.join(" and ") || "no host"}`);
    return host;
  }

  it("is copied while it works", async () => {
    await takeNumber();
    await move.run<StageResult>("stage", GUEST, "--passes", "2");
    await takeNumber();
  });

  it("comes back as a guest of the cluster, with every number that it gave out", async () => {
    const { downtimeMs, shares } = await move.run<CutoverResult>("cutover", GUEST);
    for (const { title, ms } of shares) console.log(`      ${formatDuration(ms).padStart(9)}  ${title}`);
    console.log(`      ${formatDuration(downtimeMs).padStart(9)}  of downtime`);
    await eventually(FAILOVER_MS, takeNumber);
    const host = await runsOn();
    const domain = await cluster.machine(host).check(["virsh", "dumpxml", GUEST]);
    assert.match(domain, /<domain type='kvm'/);
    assert.match(domain, /<source dev='\/dev\/drbd\d+'/);
  });

  it("comes back on the other host when its own one loses power, with every number that it gave out", async () => {
    const host = await runsOn();
    await takeNumber();
    const cutAt = Date.now();
    await cluster.machine(host).cutPower();
    await eventually(FAILOVER_MS, takeNumber);
    console.log(`      ${formatDuration(Date.now() - cutAt)} from the cut to an answer`);
    await cluster.machine(host).waitForSsh(FAILOVER_MS);
    assert.notEqual(await runsOn(), host);
  });
});
