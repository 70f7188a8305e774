import assert from "node:assert/strict";
import { formatDuration } from "../../../src/lib/units.js";
import { DomainUnderLoad } from "./cluster/domain-under-load.js";
import { eventually } from "./eventually.js";

const log = (line: string): void => console.log(`      ${line}`);
const BOOT_MS = 20 * 60_000;

describe("a file system with its kernel outside, moved from a Xen host onto the cluster while it is written to", () => {
  let web1: DomainUnderLoad | undefined;

  before(async () => {
    web1 = await DomainUnderLoad.prepare("web1", log);
  });
  after(() => web1?.close());

  function domain(): DomainUnderLoad {
    assert.ok(web1);
    return web1;
  }

  it("is copied while it runs", () => domain().stage());

  it("runs on the cluster afterwards, with every number that it gave out", () => domain().cutOver(BOOT_MS));

  it("comes back on the other host with every number when the power of its own is cut", async () => {
    const { guest, client } = domain();
    const [host = ""] = await guest.hosts();
    const machine = guest.cluster.machine(host);
    const cutAt = Date.now();
    await machine.cutPower();
    const { at } = await client.nextAfter(cutAt + 5000, BOOT_MS);
    log(`${formatDuration(at - cutAt)} from the cut to an answer`);
    domain().requireInOrder();
    await machine.waitForSsh(BOOT_MS);
    assert.equal(await guest.cluster.runs(host, guest.name), false);
    await eventually(BOOT_MS, () => domain().requireReplicated());
  });
});
