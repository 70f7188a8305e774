import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { initialCib, putResource } from "../../../src/cluster/cib/edit.js";
import { guestPrimitive } from "../../../src/cluster/guest-resource.js";
import { writeXml } from "../../../src/lib/xml.js";
import { Lab } from "../lab.js";
import type { Machine } from "../machine/machine.js";
import { installRehome, REHOME_THERE } from "../rehome-on-machine.js";
import { hasSnapshot } from "../snapshots.js";
import { CLUSTER_SNAPSHOT, ClusterLab } from "./cluster/finished.js";
import { askGuest, GUEST_ADDRESS, writeDomain } from "./cluster/tiny-guest.js";
import { eventually } from "./eventually.js";

const STATE = "/var/lib/rehome";
const VOLUME = "/dev/vg_guests/graduating";
const GUEST = "graduating";
/** Of its QEMU, as libvirt writes it. */
const PID_FILE = `/run/libvirt/qemu/${GUEST}.pid`;
const LIMIT_MS = 10 * 60_000;

describe("a guest of the bundled runtime goes to the cluster while it runs", () => {
  let cluster: ClusterLab;
  let alpha: Machine;

  before(async () => {
    const log = (line: string): void => console.log(`      ${line}`);
    const lab = await Lab.open(log);
    const isMade = await hasSnapshot(lab, CLUSTER_SNAPSHOT);
    await lab.close();
    cluster = isMade ? await ClusterLab.finished(log) : await ClusterLab.open(log);
    if (!isMade) await cluster.init();
    alpha = cluster.machine("alpha");
    await installRehome(alpha);
  });
  after(() => cluster.close());

  /** A command as somebody types it on alpha. */
  async function onAlpha(...argv: readonly string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await alpha.run([...REHOME_THERE, ...argv], { timeoutMs: LIMIT_MS });
    assert.equal(exitCode, 0, stdout + stderr);
    return stdout;
  }

  /** What would be others after a restart: the process of its QEMU, and when that was started. */
  async function identityOfGuest(): Promise<string> {
    const pid = (await alpha.check(["cat", PID_FILE])).trim();
    return `${pid} ${await alpha.check(["stat", "--format", "%y", `/proc/${pid}`])}`;
  }

  it("is started by the runtime on alpha", async () => {
    await alpha.check(["lvcreate", "--yes", "--size", "64M", "--name", "graduating", "vg_guests"]);
    const path = await writeDomain(cluster, GUEST, GUEST_ADDRESS, { parts: [{ device: VOLUME }] });
    const host = await alpha.host();
    await alpha.check(["mkdir", "-p", `${STATE}/domains`]);
    await host.writeFile(`${STATE}/domains/${GUEST}.xml`, await readFile(path), 0o600);
    const guest = guestPrimitive(
      {
        ...{ name: GUEST, domainPath: `${STATE}/domains/${GUEST}.xml`, libvirt: "qemu:///system" },
        ...{ startTimeoutMs: 300_000, stopTimeoutMs: 120_000, monitorIntervalMs: 20_000 },
      },
      "Started",
    );
    await host.writeFile(`${STATE}/cib.xml`, writeXml(putResource(initialCib("alpha"), guest)), 0o600);
    await alpha.check([
      ...["systemd-run", "--unit", "bundled-runtime", "--property", "KillMode=process"],
      ...[...REHOME_THERE, "runtime", "--state", STATE],
    ]);
    await eventually(LIMIT_MS, async () => assert.notEqual(await askGuest(GUEST_ADDRESS), undefined));
  });

  it("goes on under Pacemaker, as the same process", async () => {
    const before = await identityOfGuest();
    const first = await askGuest(GUEST_ADDRESS);
    const startedAt = Date.now();
    const said = await onAlpha("cluster", "graduate", "--state", STATE, "--yes");
    console.log(`      graduated in ${Math.round((Date.now() - startedAt) / 1000)} s`);
    assert.match(said, /Pacemaker keeps graduating now; nothing was restarted/);
    assert.equal(await identityOfGuest(), before);
    const next = await askGuest(GUEST_ADDRESS);
    assert.equal(next, (first ?? 0) + 1, "it answers with the next number");
    assert.match(await alpha.check(["crm_resource", "--resource", GUEST, "--locate"]), /running on: alpha/);
    const state = await alpha.run(["systemctl", "is-active", "bundled-runtime"]);
    assert.notEqual(state.stdout.trim(), "active");
  });
});
