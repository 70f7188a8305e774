import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RehomeError } from "../../../src/lib/errors.js";
import type { Host } from "../../../src/lib/host/types.js";
import { silentReport } from "../../../src/lib/report.js";
import { clusterHome } from "../../../src/migrators/cutover/home/cluster.js";
import type { Home } from "../../../src/migrators/cutover/home/types.js";
import { openGuest } from "../../../src/migrators/session.js";
import { guestWorld, type GuestHost, type World } from "../../cluster/replicated-guest/world.js";
import { guestPlan, machine } from "../conversion/fixtures.js";

const HYPERVISOR = { type: "kvm", machines: { bios: "pc-i440fx-7.2", uefi: "pc-q35-7.2" } } as const;

const MACHINES = "pc  Standard PC (alias of pc-i440fx-7.2)\nq35  Standard PC (alias of pc-q35-7.2)\n";

/** Whether a host was asked if it could run the guest. */
const isProof = (command: string): boolean => /domcapabilities|domxml-to-native/.test(command);

/** Nobody has the volumes. */
const released = (): Promise<void> => Promise.resolve();

describe("logins to the cluster's machines in a cutover", () => {
  let folder: string;
  let world: World;
  let home: Home;
  /** Who was logged in to, in order. */
  let logins: string[];
  /** Connections that were not closed. */
  let open: number;
  let away: string | undefined;
  /** Breaks the connections that there are. */
  let cut: () => void;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "rehome-logins-"));
    [logins, open, away] = [[], 0, undefined];
    world = guestWorld(
      undefined,
      (host) =>
        host
          .on(["drbdadm", "adjust", "web1"], "")
          .on(["qemu-system-x86_64", "-machine", "help"], MACHINES)
          .on(/^qemu-system-x86_64 -accel /, "K"), // a processor runs
    );
    for (const { fake } of [world.alpha, world.beta]) {
      fake.files.set("/proc/cpuinfo", Buffer.from("vendor_id: GenuineIntel\nflags: vmx\n"));
    }
    const configPath = join(folder, "rehome.yaml");
    await writeFile(
      configPath,
      JSON.stringify({
        version: 1,
        cluster: world.session.cluster,
        sources: { old: { address: "root@192.0.2.1" } },
        target: { state: join(folder, "state") },
        guests: { web1: { source: "old" } },
      }),
    );
    const session = await openGuest({
      configPath,
      guest: "web1",
      connect: () => Promise.reject(new Error("the source is not needed")),
      connectMachine: (_, name) => {
        logins.push(name);
        const host = { alpha: world.alpha, beta: world.beta }[name];
        if (host !== undefined && name !== away) return Promise.resolve(connection(host));
        return Promise.reject(new RehomeError("host-unreachable", "no route to host", { machine: name }));
      },
    });
    const hardware = { hypervisor: HYPERVISOR, cpuModel: "EPYC", hosts: ["alpha", "beta"] };
    await session.store.append({ type: "hardware", at: 0, hardware });
    await session.store.append({ type: "placed", at: 0, host: "alpha", because: "it has room" });
    const nics = [{ name: "eth0", mac: "52:54:00:12:34:56", bridge: "br0" }];
    home = clusterHome({
      session,
      plan: { ...guestPlan(["/dev/drbd/by-res/web1/0", "/dev/drbd/by-res/web1/1"], { nics }), name: "web1" },
      machine: machine(),
      report: silentReport,
      signal: undefined,
    });
  });
  afterEach(async () => {
    await home.leave();
    world.end();
    await rm(folder, { recursive: true });
    assert.equal(open, 0, "connections were left open");
  });

  function connection(host: GuestHost): Host {
    let isLost = false;
    cut = () => void (isLost = true);
    open += 1;
    return {
      name: host.name,
      run: (argv, options) =>
        isLost ? Promise.reject(new RehomeError("connection-lost", "it broke")) : host.run(argv, options),
      start: (argv, options) => host.start(argv, options),
      readFile: (path) => host.readFile(path),
      writeFile: (path, data, mode) => host.writeFile(path, data, mode),
      close: () => {
        open -= 1;
        return Promise.resolve();
      },
    };
  }

  /** What the hosts are asked from now on: programs and files. */
  function sinceNow(): () => readonly [alpha: readonly string[], beta: readonly string[]] {
    const { alpha, beta } = world;
    const [first, second] = [alpha.asked.length, beta.asked.length];
    return () => [alpha.asked.slice(first), beta.asked.slice(second)];
  }

  it("are one on each host, before the window, and none on the tie-breaker", async () => {
    await home.check();
    assert.deepEqual(logins, ["alpha", "beta"]);
    await home.register(released);
    assert.equal((await home.status()).state, "unknown"); // nobody has started it yet
    await assert.rejects(home.start({ timeoutMs: 0 }), { code: "command-timeout" }); // no Pacemaker runs here
    assert.deepEqual(logins, ["alpha", "beta"]);
  });

  it("are followed by few questions in the window, and none that was answered before it", async () => {
    await home.check();
    const asked = sinceNow();
    await home.register(released);
    await home.status();
    await assert.rejects(home.start({ timeoutMs: 0 }), { code: "command-timeout" });
    const [alpha, beta] = asked();
    assert.ok(alpha.length <= 13 && beta.length <= 5, `${alpha.length} on alpha, ${beta.length} on beta`);
    assert.ok(![...alpha, ...beta].some(isProof));
  });

  it("are made again after a connection broke, and the guest is registered all the same", async () => {
    await home.check();
    cut();
    const asked = sinceNow();
    await home.register(released);
    assert.deepEqual(logins, ["alpha", "beta", "alpha", "beta"]);
    for (const one of asked())
      assert.ok(one.some(isProof), "a host that may have been started anew was not asked again");
    assert.match(await world.alpha.run(["cibadmin", "--query"]).then(({ stdout }) => stdout), /<primitive id="web1"/);
  });

  it("are made again after something failed", async () => {
    await assert.rejects(home.start({ timeoutMs: 0 }), { code: "resource-unknown" });
    assert.equal(open, 0);
    await home.status();
    assert.equal(logins.length, 4);
  });

  it("are tried again each time as long as a host is away", async () => {
    away = "beta";
    await home.status();
    await home.status();
    assert.equal(logins.length, 4);
    away = undefined;
    await home.status();
    await home.status();
    assert.equal(logins.length, 6);
  });

  it("outlive that Pacemaker answers on one host only", async () => {
    world.alpha.hasPacemaker = false;
    await home.status();
    await home.status();
    assert.equal(open, 2);
    assert.equal(logins.length, 2);
  });
});
