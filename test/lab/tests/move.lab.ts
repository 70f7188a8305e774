import assert from "node:assert/strict";
import { formatDuration } from "../../../src/lib/units.js";
import type { CutoverResult } from "../../../src/migrators/cutover/index.js";
import type { RehearsalResult } from "../../../src/migrators/rehearsal/types.js";
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

  /** The stable code that a command is refused with. */
  async function refusal(command: string): Promise<string> {
    const { status, stdout } = await move.tryRun(command, GUEST);
    assert.notEqual(status, 0, stdout);
    const { error } = JSON.parse(stdout) as { readonly error: { readonly code: string; readonly message: string } };
    console.log(`      ${command}: ${error.message}`);
    return error.code;
  }

  it("is copied while it works", async () => {
    await takeNumber();
    await move.run<StageResult>("stage", GUEST, "--passes", "2");
    await takeNumber();
  });

  it("is not given its window while its copy does not boot", async () => {
    const server = cluster.machine("phys");
    const [module, away] = ["/boot/grub/i386-pc/normal.mod", "/boot/normal.mod"];
    await server.check(["mv", module, away]);
    await server.check(["sync"]);
    await move.run<StageResult>("stage", GUEST, "--passes", "1");
    assert.equal(await refusal("rehearse"), "rehearsal-failed");
    assert.equal(await refusal("cutover"), "rehearsal-failed");
    await server.check(["mv", away, module]);
    await server.check(["sync"]);
    await takeNumber();
  });

  it("boots in a rehearsal beside the running server once it is put right", async () => {
    await move.run<StageResult>("stage", GUEST, "--passes", "1");
    const { outcome, because, bootMs = Number.NaN } = await move.run<RehearsalResult>("rehearse", GUEST);
    console.log(`      ${outcome}: ${because} after ${formatDuration(bootMs)}`);
    assert.equal(outcome, "boots");
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
