import assert from "node:assert/strict";
import { localHost } from "../../../src/lib/host/local-host.js";
import { runChecked } from "../../../src/lib/host/run.js";
import { withDiskExport } from "../../../src/lib/nbd/disk-export.js";
import { gatherXenHost } from "../../../src/migrators/xen/gather.js";
import { bootIdOf, inspectDomain, requireDomain } from "../../../src/migrators/xen/inspect.js";
import {
  disableAutostart,
  enableAutostart,
  idOf,
  start,
  type ControlledDomain,
} from "../../../src/migrators/xen/control/domain.js";
import { prove, requireOff, shutDown } from "../../../src/migrators/xen/control/proof.js";
import { LEDGER_PORT } from "../../helpers/server-image.js";
import { probeTcp } from "../../../src/lib/probe-tcp.js";
import { Lab } from "../lab.js";
import { eventually } from "./eventually.js";

const MIB = 1024 ** 2;
const BOOT_MS = 15 * 60_000;
const SHUTDOWN_MS = 10 * 60_000;

describe("a real Xen host", () => {
  let lab: Lab;

  before(async () => {
    lab = await Lab.open((line) => console.log(`      ${line}`));
    await lab.up("dom0");
  });
  after(() => lab.close());

  it("tells of both domains, as they run and as their files have them", async () => {
    const xen = await gatherXenHost(await lab.machine("dom0").host());
    assert.equal(xen.toolstack, "xl");
    assert.match(xen.version ?? "", /^4\.17/);
    assert.deepEqual(xen.unknown, []);
    assert.deepEqual(
      xen.domains.map(({ name, type, state, vcpus, memory, autostart, configPath, boot }) => [
        ...[name, type, state, vcpus, memory, autostart, configPath],
        boot.kind,
      ]),
      [
        ["db1", "pv", "running", 1, 224 * MIB, true, "/etc/xen/db1.cfg", "bootloader"],
        ["web1", "pv", "running", 1, 224 * MIB, true, "/etc/xen/web1.cfg", "kernel"],
      ],
    );
    assert.deepEqual(
      xen.domains.flatMap(({ disks }) => disks.map(({ device, path, backend, size }) => [device, path, backend, size])),
      [
        ["xvda", "/dev/xenvg/db1-disk", "phy", 644 * MIB],
        ["xvda1", "/dev/xenvg/web1-root", "phy", 640 * MIB],
      ],
    );
  });

  it("lets a running guest be looked into, through a snapshot that is gone afterwards", async () => {
    const host = await lab.machine("dom0").host();
    const machine = await inspectDomain(host, "web1");
    assert.deepEqual([machine.hostname, machine.distribution.id, machine.hypervisor], ["web1", "debian", "xen"]);
    assert.deepEqual(
      machine.disks.map(({ name, format, mountPoint }) => [name, format, mountPoint]),
      [["xvda1", "ext4", "/"]],
    );
    assert.deepEqual(
      machine.network.nics.map(({ name, mac, addresses }) => [name, mac, addresses]),
      [["eth0", "00:16:3e:1a:00:15", ["192.0.2.21/24"]]],
    );
    assert.ok(machine.boot?.how === "outside");
    assert.equal(machine.boot.hasModules, true);
    assert.deepEqual(
      machine.kernels.map(({ release, running }) => [release, running]),
      [[machine.boot.release, true]],
    );
    assert.deepEqual(machine.unknown, []);
    assert.doesNotMatch(await runChecked(host, ["lvs", "--noheadings", "-o", "lv_name"]), /rehome-look/);
  });

  it("serves a disk as it is", async () => {
    const host = await lab.machine("dom0").host();
    await runChecked(host, ["lvcreate", "-q", "--yes", "--name", "noise", "--size", "16m", "xenvg"]);
    try {
      await runChecked(host, ["dd", "if=/dev/urandom", "of=/dev/xenvg/noise", "bs=1M", "count=16", "oflag=direct"]);
      const [there] = (await runChecked(host, ["sha256sum", "/dev/xenvg/noise"])).split(" ");
      const here = await withDiskExport(host, "/dev/xenvg/noise", {}, ({ uri }) =>
        runChecked(localHost(), ["sh", "-c", 'nbdcopy "$1" - | sha256sum', "sh", uri]),
      );
      assert.equal(here.split(" ")[0], there);
    } finally {
      await runChecked(host, ["lvremove", "-q", "-f", "xenvg/noise"]);
    }
  });

  it("shuts a domain down, proves it off, and starts it again with what it acknowledged", async () => {
    const host = await lab.machine("dom0").host();
    const before = await gatherXenHost(host);
    const found = requireDomain(before, "web1", "dom0");
    assert.ok(found.configPath !== undefined && found.id !== undefined);
    const domain: ControlledDomain = { ...found, tool: "xl", configPath: found.configPath };
    assert.deepEqual(await disableAutostart(host, domain, before.auto.folders), ["web1.cfg"]);
    const said = await shutDown(host, domain, found.id, SHUTDOWN_MS);
    assert.equal(said.id, undefined);
    const { writes } = await requireOff(host, domain, said);
    const off = requireDomain(await gatherXenHost(host), "web1", "dom0");
    assert.deepEqual([off.state, off.autostart, off.id], ["off", false, undefined]);
    assert.deepEqual(off.disks, found.disks);
    assert.deepEqual(await prove(host, domain), { id: undefined, open: [], shared: [], writes });
    await start(host, domain);
    assert.deepEqual(await enableAutostart(host, domain, before.auto.folders), ["web1.cfg"]);
    await assert.rejects(requireOff(host, domain), { code: "source-alive" });
    await eventually(BOOT_MS, async () => {
      assert.equal(await probeTcp("192.0.2.21", LEDGER_PORT, 5000), "open");
    });
    assert.notEqual((await prove(host, domain)).writes, writes);
    const after = await gatherXenHost(host);
    assert.notEqual(bootIdOf(after, requireDomain(after, "web1", "dom0")), bootIdOf(before, found));
    assert.equal(requireDomain(after, "web1", "dom0").autostart, true);
    assert.ok((await idOf(host, domain)) !== undefined);
  });
});
