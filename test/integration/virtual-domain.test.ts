import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { RehomeError } from "../../src/lib/errors.js";
import type { Cluster } from "../../src/cluster/types.js";
import { localHost } from "../../src/lib/host/local-host.js";
import { bundledCluster } from "../../src/cluster/bundled.js";
import {
  defineGuest,
  guestStatus,
  registerGuest,
  startGuest,
  stopGuest,
  unregisterGuest,
} from "../../src/cluster/guests.js";
import type { DomainSpec } from "../../src/cluster/libvirt/types.js";
import { NODE, testRuntime, type TestRuntime } from "../cluster/runtime/daemon-helper.js";
import { privateLibvirt, type PrivateLibvirt } from "../helpers/libvirt.js";

/** A guest without disks: its BIOS runs for ever and finds nothing to boot. */
const name = `rehome-test-${process.pid}`;

describe("a guest kept by the runtime through VirtualDomain", function () {
  this.timeout(180_000);
  let libvirt: PrivateLibvirt;
  let runtime: TestRuntime;
  let cluster: Cluster;

  const spec = (): DomainSpec => ({
    name,
    hypervisor: { type: "qemu", machines: { bios: "pc", uefi: "q35" } },
    firmware: "bios",
    vcpus: 1,
    memory: 64 * 1024 * 1024,
    disks: [],
    nics: [],
    consoleLog: `${runtime.paths.consoles}/${name}.log`,
  });
  const register = async (path: string): Promise<void> =>
    registerGuest(cluster, {
      ...{ name, domainPath: path, libvirt: libvirt.uri, vcpus: 1, memory: 64 * 1024 * 1024 },
      ...{ startTimeoutMs: 60_000, stopTimeoutMs: 15_000, monitorIntervalMs: 2000 },
    });
  const qemuPid = async (): Promise<number> =>
    Number((await localHost().run(["pgrep", "-f", `guest=${name},`])).stdout.trim().split("\n")[0]);

  before(async () => {
    libvirt = await privateLibvirt();
  });
  after(() => libvirt.close());
  beforeEach(async () => {
    runtime = await testRuntime("");
    cluster = bundledCluster(runtime.paths, "test");
  });
  afterEach(async () => {
    await runtime.remove();
    await localHost().run(["virsh", "-c", libvirt.uri, "destroy", name]);
  });

  const startRuntime = async (): Promise<void> => {
    runtime.start();
    await runtime.until("online", () => runtime.events.some((event) => event.type === "node"));
  };

  it("starts, is recovered when its process dies, and stops", async () => {
    await startRuntime();
    await register(await defineGuest(runtime.paths, spec()));
    assert.equal((await guestStatus(cluster, name)).state === "running", false, "registering starts nothing");
    const started = await startGuest(cluster, name, { timeoutMs: 60_000 });
    assert.deepEqual({ state: started.state, node: started.node }, { state: "running", node: NODE });
    await assert.rejects(
      unregisterGuest(cluster, name),
      (error) => error instanceof RehomeError && error.code === "resource-active",
    );

    const pid = await qemuPid();
    process.kill(pid, "SIGKILL");
    await runtime.until(
      "recovered",
      async () => {
        const status = await guestStatus(cluster, name);
        return status.failCount === 1 && status.state === "running" && (await qemuPid()) !== pid;
      },
      60_000,
    );
    assert.match((await guestStatus(cluster, name)).failure ?? "", /^monitor: /);
    const mon = await localHost().run(["crm_mon", "-1f"], { env: { CIB_file: runtime.paths.cib } });
    assert.match(mon.stdout, new RegExp(`${name}\\s+\\(ocf:heartbeat:VirtualDomain\\):\\s+Started ${NODE}`));
    assert.match(mon.stdout, /fail-count=1/);
    const verified = await localHost().run(["crm_verify", "-V", "-x", runtime.paths.cib]);
    assert.equal(verified.exitCode, 0, verified.stderr);

    const stopped = await stopGuest(cluster, name, { timeoutMs: 60_000 });
    assert.equal(stopped.state, "stopped");
    assert.ok(Number.isNaN(await qemuPid()) || (await qemuPid()) === 0);
    await unregisterGuest(cluster, name);
    assert.equal((await guestStatus(cluster, name)).state, "unregistered");
  });

  it("tells the agent's own error when a guest cannot start", async () => {
    await startRuntime();
    const path = await defineGuest(runtime.paths, {
      ...spec(),
      disks: [{ path: "/nonexistent/disk.img", kind: "file", format: "raw", device: "vda" }],
    });
    await register(path);
    await assert.rejects(
      startGuest(cluster, name, { timeoutMs: 60_000 }),
      (error) =>
        error instanceof RehomeError && error.code === "resource-failed" && /Failed to start/.test(error.message),
    );
    await rm(path);
  });

  it("says that no runtime is running", async () => {
    await register(await defineGuest(runtime.paths, spec()));
    await assert.rejects(
      startGuest(cluster, name, { timeoutMs: 1000 }),
      (error) => error instanceof RehomeError && error.code === "runtime-not-running" && error.remedy !== undefined,
    );
  });
});
