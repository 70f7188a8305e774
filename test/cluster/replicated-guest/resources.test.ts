import assert from "node:assert/strict";
import { findResource } from "../../../src/cluster/cib/edit.js";
import { forgetHistory, setNodeCondition, setTransientAttribute } from "../../../src/cluster/cib/status.js";
import { pairValue, type Edit } from "../../../src/cluster/cib/tree.js";
import { expectPromotable } from "../../../src/cluster/replicated-guest/choose-host.js";
import { dropGuest, putGuest } from "../../../src/cluster/replicated-guest/resources.js";
import { configureCluster } from "../../../src/cluster/setup/cib/base.js";
import { schedule } from "../../../src/cluster/scheduler/index.js";
import { whatIf } from "../../../src/cluster/simulation/what-if.js";
import { writeXml, type XmlElement } from "../../../src/lib/xml.js";
import { bareCib, CAPACITIES } from "../setup/cib.js";
import { exampleCluster } from "../setup/example.js";

describe("the resources of a guest", () => {
  const guest = { name: "web1", volume: "web1", vcpus: 1, memory: 1024 ** 3 };

  it("never run on an arbitrator that is a full member", () => {
    const cluster = exampleCluster("member");
    const cib = configureCluster(cluster, CAPACITIES)(bareCib("member"));
    const after = putGuest(guest, "arb", "Started")(cib);
    const nodes = schedule(after, Date.now()).actions.filter(
      ({ resource, task }) => /web1/.test(resource?.id ?? "") && ["start", "promote", "monitor"].includes(task),
    );
    assert.ok(nodes.length > 0);
    assert.ok(nodes.every(({ node }) => node !== "arb"));
  });

  it("begin on the preferred host, and stay where they are once that one is back after it failed", async () => {
    const cib = configureCluster(exampleCluster(), CAPACITIES)(bareCib("qdevice"));
    const [alpha, beta] = [
      { id: "1", name: "alpha" },
      { id: "2", name: "beta" },
    ];
    const reach = (at: XmlElement): XmlElement =>
      [alpha, beta].reduce((each, node) => setTransientAttribute(each, node, "pingd", "2000"), at);
    const promotable = expectPromotable("web1");
    for (const [preferred, other] of [
      [alpha, beta],
      [beta, alpha],
    ] as const) {
      const put = putGuest({ ...guest, preferred: preferred.name }, undefined, "Started");
      const now = Date.now();
      const what = (at: XmlElement, ...injections: Edit[]) => whatIf(at, { injections, failures: [], now });
      const started = await what(cib, put, promotable, reach);
      assert.deepEqual(started.after.placement["web1"]?.[0]?.nodes, [preferred.name]);
      const failed = await what(
        started.cib,
        (at) => setNodeCondition(at, preferred, "offline"),
        (at) => forgetHistory(at, preferred),
      );
      assert.deepEqual(failed.after.placement["web1"]?.[0]?.nodes, [other.name]);
      const back = await what(failed.cib, (at) => setNodeCondition(at, preferred, "online"), promotable, reach);
      assert.deepEqual(back.after.placement["web1"]?.[0]?.nodes, [other.name]);
    }
  });

  it("keep a preference that nobody gave anew", () => {
    const cib = configureCluster(exampleCluster(), CAPACITIES)(bareCib("qdevice"));
    const once = putGuest({ ...guest, preferred: "beta" }, undefined, "Started")(cib);
    assert.equal(putGuest(guest, undefined, "Started")(once), once);
    assert.equal(dropGuest("web1")(once).children.length, cib.children.length);
    assert.doesNotMatch(writeXml(dropGuest("web1")(once)), /web1/);
  });

  it("make the host where the volume is promoted count for more when hosts fence each other", () => {
    const cib = configureCluster(exampleCluster(), CAPACITIES)(bareCib("qdevice"));
    const clone = findResource(putGuest(guest, undefined, "Started")(cib), "ms-drbd-web1")!;
    assert.equal(pairValue(clone, "meta_attributes", "priority"), "1");
    assert.equal(pairValue(clone, "meta_attributes", "clone-max"), "2");
    assert.equal(pairValue(clone, "meta_attributes", "notify"), "true");
  });
});
