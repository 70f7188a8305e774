import assert from "node:assert/strict";
import { setNodeAttribute } from "../../../src/cluster/cib/edit.js";
import { setNodeCondition, setTransientAttribute } from "../../../src/cluster/cib/status.js";
import { preferredHost, type ComingGuest } from "../../../src/cluster/replicated-guest/index.js";
import { putGuest } from "../../../src/cluster/replicated-guest/resources.js";
import { configureCluster } from "../../../src/cluster/setup/cib/base.js";
import type { XmlElement } from "../../../src/lib/xml.js";
import { bareCib, CAPACITIES } from "../setup/cib.js";
import { exampleCluster } from "../setup/example.js";

const GIB = 1024 ** 3;
/** Alpha carries 9 CPUs and 34 GiB, beta 5 and 18, before the reserve is taken off. */
const CIB = configureCluster(exampleCluster(), CAPACITIES)(bareCib("qdevice"));
const guest = { name: "web1", vcpus: 1, memory: 4 * GIB };

describe("the host for a guest, by the limits of the cluster", () => {
  const choice = (cib: XmlElement, more: Partial<typeof guest> = {}, coming: readonly ComingGuest[] = []) =>
    preferredHost(
      cib,
      { ...guest, ...more },
      {
        hosts: ["alpha", "beta"],
        coming,
        arbitrator: undefined,
        now: Date.now(),
      },
    );
  const coming = (name: string, gib: number, host: string): ComingGuest => ({
    name,
    vcpus: 1,
    memory: gib * GIB,
    host,
  });

  it("has most room, of what guests may take", async () => {
    assert.equal(await choice(CIB), "alpha");
    assert.equal(await choice(CIB, {}, [coming("db1", 28, "alpha")]), "beta");
    assert.equal(await choice(CIB, { memory: 14 * GIB }, [coming("db1", 28, "alpha")]), "beta");
  });

  it("is where it fits beside the guests that are still to come, and none where it fits nowhere", async () => {
    assert.equal(await choice(CIB, { memory: 30 * GIB }), "alpha");
    assert.equal(await choice(CIB, { memory: 10 * GIB }, [coming("db1", 12, "beta")]), "alpha");
    assert.equal(await choice(CIB, { memory: 60 * GIB }), undefined);
  });

  it("is one that may run guests", async () => {
    assert.equal(await choice(setNodeAttribute(CIB, "alpha", "standby", "on")), "beta");
    assert.equal(await choice(setNodeCondition(CIB, { id: "1", name: "alpha" }, "offline")), "beta");
    const reached = setTransientAttribute(CIB, { id: "2", name: "beta" }, "pingd", "2000");
    assert.equal(await choice(reached), "beta");
  });

  it("is not asked for a guest that the cluster knows, and what it knows is not counted twice", async () => {
    const known = putGuest({ ...guest, volume: "web1" }, undefined, "Started")(CIB);
    assert.equal(await choice(known), undefined);
    assert.equal(await choice(known, { name: "web2" }, [coming("web1", 30, "alpha")]), "alpha");
  });
});
