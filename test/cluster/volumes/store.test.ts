import { strict as assert } from "node:assert";
import { mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ClusterSession } from "../../../src/cluster/setup/session.js";
import { replicatedPath } from "../../../src/cluster/volumes/replicated/plan.js";
import { handOver } from "../../../src/cluster/volumes/replicated/promotion.js";
import { openReplicated, type ReplicatedStore } from "../../../src/cluster/volumes/replicated/store.js";
import { setNodeCondition } from "../../../src/cluster/cib/status.js";
import { writeXml } from "../../../src/lib/xml.js";
import { bareCib } from "../setup/cib.js";
import { silentReport } from "../../../src/lib/report.js";
import { parseXml } from "../../../src/lib/xml.js";
import { world, type VolumeHost } from "./volume-host.js";

const MIB = 1024 ** 2;
const SIZE = 8 * MIB;
const PATH = replicatedPath("web1", 0);

/** A CIB with the volume in it. */
const RESOURCE = `<cib epoch="1" num_updates="0" admin_epoch="0" validate-with="pacemaker-3.9"><configuration><crm_config/><nodes/><resources>
      <primitive id="drbd-web1" class="ocf" provider="linbit" type="drbd"><instance_attributes id="ia">
      <nvpair id="nv" name="drbd_resource" value="web1"/></instance_attributes></primitive></resources><constraints/></configuration><status/></cib>`;

describe("a replicated volume that is written to", function () {
  this.timeout(30_000);
  let folder: string;
  let alpha: VolumeHost;
  let beta: VolumeHost;
  let session: ClusterSession;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "rehome-store-"));
    ({ alpha, beta, session } = world());
    for (const host of [alpha, beta]) {
      const path = join(folder, host.name);
      host.devices.set("/dev/drbd10", path);
      const file = await open(path, "w");
      await file.truncate(SIZE + MIB);
      await file.close();
    }
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function using<T>(host: string, work: (store: ReplicatedStore) => Promise<T>): Promise<T> {
    const store = await openReplicated(session, { name: "web1", sizes: [SIZE], host, report: silentReport });
    try {
      return await work(store);
    } finally {
      await store.close();
    }
  }
  /** Opens it, and writes. @returns what it is known by */
  const write = (host = "alpha", disk = "sda"): Promise<string> =>
    using(host, async (store) => {
      const volume = await store.open({ path: PATH, guest: "web1", disk, size: SIZE });
      await volume.write([Buffer.alloc(4096, 7)], 0);
      await volume.flush();
      await volume.close();
      return volume.mark.uuid;
    });

  it("is made, promoted only meanwhile, written on that host, and known again", async () => {
    const uuid = await using("alpha", async (store) => {
      assert.equal(alpha.role, "Primary");
      const volume = await store.open({ path: PATH, guest: "web1", disk: "sda", size: SIZE });
      assert.equal(volume.fresh, false, "nobody has proven that it is zero");
      await volume.write([Buffer.alloc(4096, 7)], MIB);
      await volume.close();
      return volume.mark.uuid;
    });
    assert.equal(alpha.role, "Secondary");
    assert.equal((await readFile(join(folder, "alpha")))[MIB], 7);
    assert.ok(alpha.volumes.get("web1-0")?.tags.includes(`rehome.mark=${uuid}`));
    assert.equal(await write(), uuid);
  });

  it("is unmarked only until it was opened for staging once", async () => {
    const unmarked = (): Promise<boolean> =>
      using("alpha", async (store) => {
        const volume = await store.open({ path: PATH, guest: "web1", disk: "sda", size: SIZE });
        await volume.close();
        return volume.unmarked;
      });
    assert.deepEqual([await unmarked(), await unmarked()], [true, false]);
    alpha.generation = "00000000000000B1"; // not believed, but staged to
    assert.equal(await unmarked(), false);
  });

  it("is marked and closed all the same when the other host goes away meanwhile", async () => {
    await write();
    const mark = await using("alpha", async (store) => {
      const known = await store.mark(PATH);
      assert.ok(known);
      beta.lost = true;
      await store.remark(PATH, { ...known, diverged: "converted" });
      return store.mark(PATH);
    });
    assert.equal(mark?.diverged, "converted");
    assert.equal(alpha.role, "Secondary");
  });

  it("is another one for the digests when its data may be the other host's", async () => {
    const first = await write();
    alpha.generation = "00000000000000B1";
    const second = await write();
    assert.notEqual(second, first);
    alpha.generation = "00000000000000B0"; // only promoted or not
    assert.equal(await write(), second);
    assert.notEqual(await write("beta"), second);
  });

  it("stays the same when the hosts lost each other while it was written to", async () => {
    const uuid = await using("alpha", async (store) => {
      const volume = await store.open({ path: PATH, guest: "web1", disk: "sda", size: SIZE });
      alpha.generation = "00000000000000C0";
      await volume.close();
      return volume.mark.uuid;
    });
    assert.equal(await write(), uuid);
  });

  it("has diverged on both hosts, and is believed nothing after that was taken back", async () => {
    const uuid = await write();
    const mark = await using("alpha", async (store) => {
      const known = await store.mark(PATH);
      assert.ok(known);
      await store.remark(PATH, { ...known, diverged: "converted" });
      return known;
    });
    assert.equal((await using("beta", (store) => store.mark(PATH)))?.diverged, "converted");
    assert.equal((await using("alpha", (store) => store.mark(PATH)))?.diverged, "converted");
    await using("alpha", (store) => store.remark(PATH, { ...mark, diverged: undefined }));
    assert.notEqual(await write(), uuid);
  });

  it("is never opened when it is another disk's, another's volume, or the cluster's", async () => {
    await write();
    await assert.rejects(write("alpha", "sdb"), { code: "volume-foreign" });
    const volume = alpha.volumes.get("web1-0");
    assert.ok(volume);
    const { tags } = volume;
    volume.tags = "mine";
    await assert.rejects(write(), { code: "volume-foreign" });
    volume.tags = tags;
    alpha.cib = RESOURCE;
    await assert.rejects(write(), { code: "volume-busy", message: /the cluster has a resource/ });
    assert.equal(alpha.role, "Secondary");
  });

  it("is demoted on both hosts before the cluster gets it, and left alone once it has it", async () => {
    await write();
    alpha.role = "Primary"; // as a run that was killed leaves it
    for (const { calls } of [alpha, beta]) calls.length = 0;
    const states = await handOver([alpha, beta], "web1", parseXml("<cib/>", "none"));
    assert.equal(alpha.role, "Secondary");
    assert.deepEqual([states["alpha"]?.role, states["beta"]?.role], ["Secondary", "Secondary"]);
    for (const host of [alpha, beta]) assert.ok(host.commandLines.includes("drbdadm adjust web1"));
    alpha.role = "Primary";
    await handOver([alpha, beta], "web1", parseXml(RESOURCE, "managed"));
    assert.equal(alpha.role, "Primary");
  });

  it("is not taken from a host that nobody can ask: only DRBD, or Pacemaker when it is certain, says that it is free", async () => {
    await write();
    const unreachable = [{ name: "beta", message: "no route to host", remedy: "switch it on" }];
    session = { ...session, connections: { ...session.connections, hosts: new Map([["alpha", alpha]]), unreachable } };
    await write(); // DRBD is connected, and beta has not promoted it
    beta.role = "Unknown";
    alpha.cib = writeXml(setNodeCondition(bareCib("qdevice"), { id: "2", name: "beta" }, "online"));
    const stop = AbortSignal.timeout(200);
    const given = openReplicated(session, {
      name: "web1",
      sizes: [SIZE],
      host: "alpha",
      report: silentReport,
      signal: stop,
    });
    await assert.rejects(given, { name: "TimeoutError" }); // it waits for the cluster to give beta up
    assert.equal(alpha.role, "Secondary");
    alpha.cib = writeXml(setNodeCondition(bareCib("qdevice"), { id: "2", name: "beta" }, "offline"));
    await write();
  });

  it("is taken from the other host, where a run that was killed had left it promoted", async () => {
    await write("beta");
    beta.role = "Primary";
    await write("alpha");
    assert.equal(beta.role, "Secondary");
  });
});
