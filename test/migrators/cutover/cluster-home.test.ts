import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setNodeCondition } from "../../../src/cluster/cib/status.js";
import { definitionPath } from "../../../src/cluster/replicated-guest/index.js";
import type { ClusterSession } from "../../../src/cluster/setup/session.js";
import type { Note } from "../../../src/lib/report.js";
import { silentReport } from "../../../src/lib/report.js";
import { clusterHome } from "../../../src/migrators/cutover/home/cluster.js";
import type { Home } from "../../../src/migrators/cutover/home/types.js";
import { guestStore, undefinedHosts, type GuestStore } from "../../../src/migrators/guest-store.js";
import type { GuestSession } from "../../../src/migrators/session.js";
import { guestWorld, type GuestHost, type World } from "../../cluster/replicated-guest/world.js";
import { guestPlan, machine } from "../conversion/fixtures.js";

/** Nobody has the volumes. */
const released = (): Promise<void> => Promise.resolve();

describe("a guest's home on the cluster while a host is away", () => {
  let folder: string;
  let world: World;
  let store: GuestStore;
  let notes: Note[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "rehome-home-"));
    store = guestStore(folder, "web1");
    notes = [];
    world = guestWorld(
      (cib) => setNodeCondition(cib, { id: "2", name: "beta" }, "offline"),
      (host) => host.on(["drbdadm", "adjust", "web1"], "").on(["drbdadm", "cstate", "web1"], "Connecting\n"),
    );
    const hypervisor = { type: "kvm", machines: { bios: "pc-i440fx-7.2", uefi: "pc-q35-7.2" } } as const;
    const hardware = { hypervisor, cpuModel: "EPYC", hosts: ["alpha", "beta"] };
    await store.append({ type: "hardware", at: 0, hardware });
  });
  afterEach(async () => {
    world.end();
    await rm(folder, { recursive: true });
  });

  /** How long another rehome may be changing the cluster. */
  let waitMs: number | undefined;
  const exclusively: ClusterSession["exclusively"] = (_, work, lockWaitMs) => {
    waitMs = lockWaitMs;
    return work({ append: () => Promise.resolve() });
  };

  /** @param reached who answers a login; alpha alone where that is not said */
  function home(reached: () => Map<string, GuestHost> | undefined = () => undefined): Home {
    const beta = { name: "beta", message: "no route to host", remedy: "switch it on" };
    const login = (): ClusterSession => {
      const hosts = reached() ?? new Map([["alpha", world.alpha]]);
      const connections = { hosts, unreachable: hosts.has("beta") ? [] : [beta], close: async () => {} };
      return { ...world.session, exclusively, connections };
    };
    const session = { store, openCluster: () => Promise.resolve(login()) };
    const paths = ["/dev/drbd/by-res/web1/0", "/dev/drbd/by-res/web1/1"];
    return clusterHome({
      session: session as unknown as GuestSession,
      plan: {
        ...guestPlan(paths, { nics: [{ name: "eth0", mac: "52:54:00:12:34:56", bridge: "br0" }] }),
        name: "web1",
      },
      machine: machine(),
      report: { ...silentReport, note: (note) => void notes.push(note) },
      signal: undefined,
    });
  }

  it("goes on, says so, and gives the guest what both hosts had when they were there", async () => {
    await store.append({ type: "placed", at: 0, host: "alpha", because: "it was there" });
    await home().check();
    assert.equal(world.alpha.fake.files.size, 0);
    await home().register(released);
    const definition = world.alpha.fake.files.get(definitionPath("web1"))?.toString() ?? "";
    assert.match(definition, /machine="pc-i440fx-7.2"/);
    assert.match(definition, />EPYC</);
    assert.ok(
      notes.some(({ severity, text }) => severity === "warning" && /not yet highly available: beta/.test(text)),
    );
    assert.ok((waitMs ?? 0) > 60_000, "another guest may be registered at the same time");
    assert.deepEqual(undefinedHosts(await store.records()), ["beta"]);
  });

  it("is not left to the source while somebody runs the guest by hand, though the cluster knows nothing of it", async () => {
    await home().unregister();
    const xml =
      "<domain type='kvm'>\n  <name>web1</name>\n  <uuid>6f8e0f0a-6a1b-4c2d-9e3f-000000000001</uuid>\n</domain>\n";
    world.alpha.domains.push({ xml, kept: "transient", state: "running" });
    await assert.rejects(home().unregister(), {
      code: "domain-exists",
      where: { machine: "alpha" },
      remedy: /virsh shutdown web1; then run the same command again/,
    });
    world.alpha.domains.splice(0, 1, { xml: xml.replace("web1", "web2"), kept: "transient", state: "running" });
    await home().unregister();
  });

  it("goes on when the host goes away in the middle", async () => {
    await store.append({ type: "placed", at: 0, host: "alpha", because: "it was there" });
    world.beta.lost = true;
    let logins = 0;
    const one = home(() => {
      logins += 1;
      return logins === 1
        ? new Map([
            ["alpha", world.alpha],
            ["beta", world.beta],
          ])
        : undefined;
    });
    await one.register(released);
    assert.equal(logins, 2);
    assert.ok(notes.some(({ text }) => /^beta: the connection broke; trying once more$/.test(text)));
    assert.ok(world.alpha.fake.files.has(definitionPath("web1")));
    assert.deepEqual(undefinedHosts(await store.records()), ["beta"]);
    await assert.rejects(
      home(
        () =>
          new Map([
            ["alpha", world.alpha],
            ["beta", world.beta],
          ]),
      ).register(released),
      { code: "connection-lost" }, // not for ever
    );
  });

  it("does not go on when it is the host that was copied to", async () => {
    await store.append({ type: "placed", at: 0, host: "beta", because: "it was there" });
    await assert.rejects(home().check(), {
      code: "host-unreachable",
      where: { machine: "beta" },
      remedy: /rehome stage/,
    });
  });
});
