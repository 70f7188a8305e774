import assert from "node:assert/strict";
import type { ReplicatedVolume } from "../../../src/cluster/volumes/replicated/index.js";
import { formatDuration } from "../../../src/lib/units.js";
import type { CutoverResult, RollbackResult } from "../../../src/migrators/cutover/index.js";
import type { StageResult } from "../../../src/migrators/staging/index.js";
import { Client } from "../../demo/client.js";
import { LEDGER_PORT } from "../../helpers/server-image.js";
import { XEN_GUESTS } from "../images/xen.js";
import { HOSTS } from "./cluster/configuration.js";
import { ClusterLab } from "./cluster/finished.js";
import { Move } from "./cluster/move.js";
import { eventually } from "./eventually.js";
import { askLedger } from "./ledger.js";

const log = (line: string): void => console.log(`      ${line}`);
const BOOT_MS = 20 * 60_000;
const NAMES = XEN_GUESTS.map(({ name }) => name);

describe("moving the domains of a Xen host onto the lab's cluster while they are written to", () => {
  let cluster: ClusterLab;
  let move: Move;
  const clients = new Map<string, Client>();

  before(async () => {
    cluster = await ClusterLab.finished(log);
    move = await Move.ofDomains(cluster);
    for (const { name, address } of XEN_GUESTS) {
      await eventually(BOOT_MS, async () => assert.ok((await askLedger(address)) > 0));
      clients.set(name, new Client(address, LEDGER_PORT));
    }
  });
  after(async () => {
    for (const client of clients.values()) await client.stop();
    await cluster.close();
  });

  function clientOf(name: string): Client {
    const client = clients.get(name);
    assert.ok(client);
    return client;
  }

  /**
   * Every number that was given out is greater than the one before, whoever gave it: none that was acknowledged is lost,
   * and no two copies count for themselves.
   */
  function requireInOrder(name: string): void {
    const { acknowledged } = clientOf(name);
    for (const [index, { number }] of acknowledged.entries()) {
      const before = acknowledged[index - 1]?.number ?? 0;
      assert.ok(number > before, `${name}: ${number} was given out after ${before}`);
    }
    log(`${name}: ${acknowledged.length} numbers, the last is ${acknowledged.at(-1)?.number ?? 0}`);
  }

  async function requireReplicated(name: string): Promise<void> {
    const { volumes } = await move.run<{ readonly volumes: readonly ReplicatedVolume[] }>("volume list");
    const volume = volumes.find((each) => each.name === name);
    assert.ok(volume);
    for (const host of HOSTS) {
      assert.deepEqual(
        volume.states[host]?.disks,
        volume.parts.map(() => "UpToDate"),
        host,
      );
    }
  }

  for (const name of NAMES) {
    it(`copies ${name} while it runs`, async () => {
      const { passes } = await move.run<StageResult>("stage", name, "--passes", "2");
      for (const pass of passes) {
        const figures = [pass.readBytes, pass.writtenBytes, pass.wireBytes].map(
          (bytes) => `${((bytes ?? Number.NaN) / 2 ** 20).toFixed(1)} MiB`,
        );
        log(`pass ${pass.number} by ${pass.tracker}: read, written, sent: ${figures.join(", ")}`);
      }
      requireInOrder(name);
    });

    it(`runs ${name} on the cluster afterwards, with every number that it gave out`, async () => {
      const { downtimeMs, shares } = await move.run<CutoverResult>("cutover", name);
      for (const { title, ms } of shares) log(`${formatDuration(ms).padStart(9)}  ${title}`);
      log(`${formatDuration(downtimeMs).padStart(9)}  of downtime`);
      await clientOf(name).nextAfter(Date.now(), BOOT_MS);
      requireInOrder(name);
      const hosts = await cluster.hostsOf(name);
      assert.equal(hosts.length, 1, `it runs on ${hosts.join(" and ") || "no host"}`);
      const domain = await cluster.machine(hosts[0] ?? "").check(["virsh", "dumpxml", name]);
      assert.match(domain, /<domain type='kvm'/);
      assert.match(domain, /<source dev='\/dev\/drbd\d+'/);
      await requireReplicated(name);
      const { stdout } = await cluster.machine("dom0").run(["xl", "list", name]);
      assert.equal(stdout, "", `${name} runs on dom0 as well`);
    });
  }

  it("comes back on the other host with every number when the power of its own is cut", async () => {
    const [name = ""] = NAMES;
    const [host = ""] = await cluster.hostsOf(name);
    const cutAt = Date.now();
    await cluster.machine(host).cutPower();
    const { at } = await clientOf(name).nextAfter(cutAt + 5000, BOOT_MS);
    log(`${formatDuration(at - cutAt)} from the cut to an answer`);
    for (const each of NAMES) {
      await clientOf(each).nextAfter(at, BOOT_MS);
      requireInOrder(each);
    }
    await cluster.machine(host).waitForSsh(BOOT_MS);
    assert.equal(await cluster.runs(host, name), false);
    await eventually(BOOT_MS, () => requireReplicated(name));
  });

  it("goes back to the domain that it was, as it was at the cutover", async () => {
    const name = NAMES.at(-1) ?? "";
    const address = XEN_GUESTS.at(-1)?.address ?? "";
    const client = clientOf(name);
    await client.stop();
    requireInOrder(name);
    const { sourceAnswers } = await move.run<RollbackResult>("rollback", name);
    assert.equal(sourceAnswers, true);
    assert.deepEqual(await cluster.hostsOf(name), []);
    assert.match(await cluster.machine("dom0").check(["xl", "list", name]), /^db1 /m);
    let number = 0;
    await eventually(BOOT_MS, async () => {
      number = await askLedger(address);
    });
    const last = client.last?.number ?? 0;
    assert.ok(number > 1 && number <= last, `${number}, and ${last} was given out by the guest`);
    const next = await move.run<StageResult>("stage", name, "--passes", "1");
    assert.ok(next.passes.length > 0);
  });
});
