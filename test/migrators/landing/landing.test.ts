import { strict as assert } from "node:assert";
import { configSchema } from "../../../src/lib/config/schema.js";
import { landingOf } from "../../../src/migrators/landing/landing.js";
import type { ClusterSession } from "../../../src/cluster/setup/session.js";
import type { GuestRecord, GuestStore, StepRecord } from "../../../src/migrators/guest-store.js";
import { place, placeByMemory, placeGuest } from "../../../src/migrators/landing/placement.js";
import { FakeHost } from "../../helpers/fake-host.js";
import { exampleCluster } from "../../cluster/setup/example.js";

const GIB = 1024 ** 3;

describe("where a guest lands", () => {
  const config = (more: object) => configSchema.parse({ version: 1, ...more });

  it("is the cluster where one is described, unless rehome.yaml says otherwise", () => {
    const cluster = exampleCluster();
    assert.equal(landingOf(config({})).kind, "machine");
    assert.equal(landingOf({ ...config({}), cluster }).kind, "cluster");
    const here = { ...config({ target: { kind: "machine", volumes: "/srv" } }), cluster };
    assert.equal(landingOf(here).volumePath("web1", 0, "vda"), "/srv/web1/vda.raw");
    assert.equal(landingOf({ ...config({}), cluster }).volumePath("web1", 1, "vdb"), "/dev/drbd/by-res/web1/1");
    assert.throws(() => landingOf(config({ target: { kind: "cluster" } })), { code: "cluster-undescribed" });
  });

  it("has the bridge that the cluster has, unless rehome.yaml names one", () => {
    const cluster = { ...exampleCluster(), bridges: ["br7", "br8"] };
    assert.equal(landingOf({ ...config({}), cluster }).bridge, "br7");
    assert.equal(landingOf({ ...config({ target: { bridge: "br8" } }), cluster }).bridge, "br8");
    assert.equal(landingOf(config({})).bridge, "br0");
  });
});

describe("the host that a guest is copied to", () => {
  const alpha = { host: "alpha", free: 10 * GIB };
  const beta = { host: "beta", free: 20 * GIB };

  it("is the one with more free memory, and the first when they hardly differ", () => {
    assert.equal(placeByMemory([alpha, beta], undefined)?.host, "beta");
    assert.equal(placeByMemory([alpha, { ...beta, free: 10.5 * GIB }], undefined)?.host, "alpha");
    assert.deepEqual(placeByMemory([beta], "alpha"), { host: "beta", because: "alpha cannot be reached" });
    assert.equal(placeByMemory([], "alpha"), undefined);
  });

  it("is the one with most room by the limits of the cluster, as long as that can be reached", () => {
    assert.deepEqual(place(["alpha", "beta"], undefined, "alpha"), {
      host: "alpha",
      because: "it has most room for guests",
    });
    assert.equal(place(["beta"], undefined, "alpha"), undefined);
    assert.equal(place(["alpha", "beta"], "beta", "alpha")?.host, "beta");
    assert.equal(place(["alpha"], "beta", "alpha"), undefined);
  });

  it("stays the same as long as it can be reached, without a look at the memory of any", async () => {
    const hosts = ["alpha", "beta"].map((name) => new FakeHost(name));
    for (const [index, host] of hosts.entries()) {
      host.files.set("/proc/meminfo", Buffer.from(`MemAvailable: ${(index + 1) * 8 * 1024 ** 2} kB\n`));
      host.on(["cibadmin", "--query"], { exitCode: 102 }); // nobody can tell what the cluster prefers
    }
    const records: GuestRecord[] = [];
    const store = {
      records: () => Promise.resolve(records),
      append: (record: GuestRecord) => Promise.resolve(void records.push(record)),
    } as unknown as GuestStore;
    const connections = { hosts: new Map(hosts.map((host) => [host.name, host])), unreachable: [] };
    const session = { cluster: exampleCluster(), connections } as unknown as ClusterSession;
    const placed = () => placeGuest(session, store, { name: "web1", vcpus: 1, memory: GIB }, () => Promise.resolve([]));
    assert.deepEqual(await placed(), { host: "beta", because: "16.0 GiB of memory are free" });
    for (const { files } of hosts) files.clear(); // reading it is an error from now on
    assert.deepEqual(await placed(), { host: "beta", because: "what was copied is there" });
    assert.equal(records.length, 1);
  });

  it("is no other one any more once the last pass is done: that may lack it, and take what it has for current", async () => {
    const alpha = new FakeHost("alpha");
    alpha.files.set("/proc/meminfo", Buffer.from("MemAvailable: 8388608 kB\n"));
    const step = (name: string, event: StepRecord["event"]): GuestRecord => ({
      type: "step",
      at: 0,
      step: name,
      event,
    });
    const records: GuestRecord[] = [
      { type: "placed", at: 0, host: "beta", because: "" },
      { type: "state", at: 0, state: "cutting-over" },
      step("final-pass", "done"),
    ];
    const store = {
      records: () => Promise.resolve(records),
      append: (record: GuestRecord) => Promise.resolve(void records.push(record)),
    } as unknown as GuestStore;
    const connections = { hosts: new Map([["alpha", alpha]]), unreachable: [{ name: "beta", message: "no answer" }] };
    const session = { cluster: exampleCluster(), connections } as unknown as ClusterSession;
    const placed = () => placeGuest(session, store, { name: "web1", vcpus: 1, memory: GIB }, () => Promise.resolve([]));
    await assert.rejects(placed(), { code: "host-unreachable", where: { machine: "beta" }, remedy: /rollback web1/ });
    assert.equal(records.length, 3);
    records.push(step("write-conversion", "undo-started")); // on the way back only marks are written
    assert.equal((await placed()).host, "alpha");
    records.push({ type: "state", at: 0, state: "staged" });
    assert.equal((await placed()).host, "alpha");
  });
});
