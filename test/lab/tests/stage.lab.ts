import assert from "node:assert/strict";
import type { ComparedCopies } from "../../../src/cluster/volumes/replicated/compare.js";
import type { ReplicatedVolume } from "../../../src/cluster/volumes/replicated/index.js";
import { formatRate, formatSize } from "../../../src/lib/units.js";
import type { StageResult } from "../../../src/migrators/staging/index.js";
import { HOSTS } from "./cluster/configuration.js";
import { ClusterLab } from "./cluster/finished.js";
import { Move } from "./cluster/move.js";
import { eventually } from "./eventually.js";

const RESYNC_MS = 10 * 60_000;
const BACK_MS = 10 * 60_000;
const GUEST = "phys";

describe("staging a server into replicated volumes of the lab's cluster", () => {
  let cluster: ClusterLab;
  let move: Move;
  /** The host that the guest was placed on. */
  let chosen: string;
  let other: string;
  before(async () => {
    cluster = await ClusterLab.finished((line) => console.log(`      ${line}`));
    move = await Move.ofServer(cluster);
  });
  after(() => cluster.close());

  async function volume(): Promise<ReplicatedVolume> {
    const { volumes } = await move.run<{ readonly volumes: readonly ReplicatedVolume[] }>("volume list");
    const found = volumes.find(({ name }) => name === GUEST);
    assert.ok(found);
    return found;
  }
  /** Nobody has it promoted, and both hosts have all of it. */
  async function requireReplicated(): Promise<void> {
    const { states, parts } = await volume();
    for (const host of HOSTS) {
      assert.equal(states[host]?.role, "Secondary", host);
      assert.deepEqual(
        states[host].disks,
        parts.map(() => "UpToDate"),
        host,
      );
      assert.equal(states[host].connection, "Connected", host);
    }
  }
  async function requireSame(): Promise<void> {
    const { bytes, durationMs } = await move.run<ComparedCopies>("volume compare", GUEST);
    console.log(`      compared ${formatSize(bytes)} on each host, ${formatRate((bytes / durationMs) * 1000)}`);
  }
  function figures({ passes }: StageResult): { readonly written: number; readonly wire: number; readonly ms: number } {
    const written = passes.reduce((sum, pass) => sum + pass.writtenBytes, 0);
    const wire = passes.reduce((sum, pass) => sum + pass.wireBytes, 0);
    const ms = Math.max(...passes.map(({ durationMs }) => durationMs));
    console.log(`      ${formatSize(written)} written, ${formatSize(wire)} sent, ${formatRate((written / ms) * 1000)}`);
    return { written, wire, ms };
  }

  it("makes the volume, and gives both hosts every block", async () => {
    const { stdout } = await move.tryRun("stage", GUEST, "--passes", "1");
    const first = JSON.parse(stdout) as StageResult;
    chosen = new RegExp(`${GUEST} is copied to (\\w+)`).exec(stdout)?.[1] ?? "";
    other = HOSTS.find((host) => host !== chosen) ?? "";
    assert.notEqual(chosen, "", stdout);
    assert.ok(figures(first).written > 100 * 1024 ** 2);
    assert.ok(first.verified.disks.every(({ readBack }) => readBack === "direct"));
    await requireReplicated();
    await requireSame();
  });

  it("sends only what changed from then on", async () => {
    const next = await move.run<StageResult>("stage", GUEST, "--passes", "1");
    assert.ok(figures(next).written < 64 * 1024 ** 2);
    await requireSame();
  });

  it("goes on while the other host is away, says that it is not highly available yet, and is the same once it is back", async () => {
    await cluster.machine(other).cutLink("backplane");
    const { stdout, status } = await move.tryRun("stage", GUEST, "--passes", "1");
    await cluster.machine(other).restoreLink("backplane");
    assert.equal(status, 0, stdout);
    assert.match(stdout, /not yet highly available/);
    await eventually(RESYNC_MS, requireReplicated);
    await requireSame();
  });

  it("goes on at the other host when the first one dies, and believes nothing of what that one had", async () => {
    await cluster.machine(chosen).cutPower();
    const { stdout, status } = await move.tryRun("stage", GUEST, "--passes", "1");
    assert.equal(status, 0, stdout);
    assert.match(stdout, new RegExp(`${chosen} cannot be reached`));
    assert.match(stdout, /nothing is known of volume/);
    await cluster
      .machine("alpha")
      .powerOn()
      .catch(() => undefined); // the cluster may have done so already
    await cluster.machine(chosen).waitForSsh(BACK_MS);
    const again = await move.tryRun("stage", GUEST, "--passes", "1"); // brings DRBD up there
    assert.equal(again.status, 0, again.stdout);
    await eventually(RESYNC_MS, requireReplicated);
    await requireSame();
  });
});
