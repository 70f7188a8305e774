import assert from "node:assert/strict";
import { parseCib } from "../../../src/cluster/cib/check.js";
import { checkCib } from "../../../src/cluster/cib/check.js";
import { findResource } from "../../../src/cluster/cib/edit.js";
import { sameElement } from "../../../src/cluster/cib/make.js";
import { findPath, pairValue } from "../../../src/cluster/cib/tree.js";
import { leftBehind } from "../../../src/cluster/graduate/expected.js";
import { planMerge } from "../../../src/cluster/graduate/merge.js";
import { configureCluster } from "../../../src/cluster/setup/cib/base.js";
import type { XmlElement } from "../../../src/lib/xml.js";
import { bareCib, CAPACITIES } from "../setup/cib.js";
import { exampleCluster } from "../setup/example.js";

/** What init has made of a cluster. */
const live = (): XmlElement => configureCluster(exampleCluster(), CAPACITIES)(bareCib("qdevice"));

function bundled(resources: string, more = "", status = ""): XmlElement {
  return parseCib(
    `<cib validate-with="pacemaker-3.9" crm_feature_set="3.16.1" epoch="7" num_updates="3" admin_epoch="0">
      <configuration>
        <crm_config><cluster_property_set id="cib-bootstrap-options">
          <nvpair id="o1" name="stonith-enabled" value="false"/>
          <nvpair id="o2" name="no-quorum-policy" value="ignore"/>
          <nvpair id="o3" name="start-failure-is-fatal" value="false"/>
          <nvpair id="o4" name="cluster-name" value="rehome"/>
        </cluster_property_set></crm_config>
        <nodes><node id="1" uname="alpha"><instance_attributes id="n1">
          <nvpair id="n1-site" name="site" value="west"/><nvpair id="n1-standby" name="standby" value="off"/>
        </instance_attributes></node></nodes>
        <resources>${resources}</resources><constraints>${more}</constraints>
        <rsc_defaults><meta_attributes id="mine">
          <nvpair id="d1" name="resource-stickiness" value="0"/>
          <nvpair id="d2" name="migration-threshold" value="3"/>
        </meta_attributes></rsc_defaults>
      </configuration><status>${status}</status></cib>`,
    "bundled",
  );
}

const WEB = `<primitive id="web" class="ocf" provider="heartbeat" type="Dummy">
  <meta_attributes id="web-meta"><nvpair id="web-managed" name="is-managed" value="true"/></meta_attributes></primitive>`;
const FENCE = `<primitive id="fence" class="stonith" type="fence_dummy"/>`;
const OPTIONS = { node: "alpha", pinned: true };

const property = (cib: XmlElement, name: string): string | undefined =>
  pairValue(findPath(cib, ["configuration", "crm_config"])!, "cluster_property_set", name);
const defaultOf = (cib: XmlElement, name: string): string | undefined =>
  pairValue(findPath(cib, ["configuration", "rsc_defaults"])!, "meta_attributes", name);

describe("what of the runtime's CIB goes into a cluster's", () => {
  it("keeps the cluster's properties, defaults and fencing, and adds what it does not have", () => {
    const before = live();
    const merge = planMerge(bundled(WEB + FENCE), before, OPTIONS);
    const after = merge.free(merge.held(before));
    assert.equal(property(after, "stonith-enabled"), "true");
    assert.equal(property(after, "no-quorum-policy"), "stop");
    assert.equal(property(after, "start-failure-is-fatal"), "false");
    assert.equal(property(after, "cluster-name"), "office");
    assert.equal(defaultOf(after, "resource-stickiness"), "200");
    assert.equal(defaultOf(after, "migration-threshold"), "3");
    assert.equal(findResource(after, "fence"), undefined);
    assert.deepEqual(checkCib(after), []);
    assert.deepEqual(
      merge.leftOut.map(({ what }) => what),
      [
        "fence",
        "property stonith-enabled=false",
        "property no-quorum-policy=ignore",
        "default (rsc_defaults) resource-stickiness=0",
      ],
    );
    const node = findPath(after, ["configuration", "nodes"])!.children[0]!;
    assert.equal(pairValue(node, "instance_attributes", "site"), "west");
    assert.equal(pairValue(node, "instance_attributes", "standby"), undefined);
  });

  it("leaves everything alone that is not the runtime's", () => {
    const before = live();
    const merge = planMerge(bundled(WEB), before, OPTIONS);
    const after = merge.free(merge.held(before));
    for (const resource of findPath(before, ["configuration", "resources"])!.children) {
      assert.equal(findResource(after, resource.attributes["id"]!), resource);
    }
  });

  it("has every primitive unmanaged first, and then as it was", () => {
    const group = `<group id="g"><primitive id="one" class="ocf" provider="p" type="t"/>${WEB}</group>`;
    const source = bundled(group);
    const merge = planMerge(source, live(), OPTIONS);
    const held = merge.held(live());
    for (const id of ["one", "web"]) {
      assert.equal(pairValue(findResource(held, id)!, "meta_attributes", "is-managed"), "false");
    }
    assert.ok(sameElement(findResource(merge.free(held), "g")!, findResource(source, "g")!));
    assert.equal(merge.held(held), held, "the second time nothing changes");
  });

  it("keeps what was on one machine on that machine, unless told otherwise", () => {
    const constraints = (pinned: boolean): readonly string[] => {
      const merge = planMerge(bundled(WEB), live(), { node: "alpha", pinned });
      const all = findPath(merge.held(live()), ["configuration", "constraints"])!.children;
      return all.filter(({ attributes }) => attributes["rsc"] === "web").map(({ attributes }) => attributes["id"]!);
    };
    assert.deepEqual(constraints(true), ["loc-web-stays"]);
    assert.deepEqual(constraints(false), []);
  });

  it("leaves out constraints on what is left out", () => {
    const more = `<rsc_location id="l1" rsc="fence" node="alpha" score="1"/><rsc_location id="l2" rsc="web" node="alpha" score="1"/>`;
    const merge = planMerge(bundled(WEB + FENCE, more), live(), OPTIONS);
    const ids = findPath(merge.held(live()), ["configuration", "constraints"])!.children.map(
      (at) => at.attributes["id"],
    );
    assert.equal(ids.includes("l1"), false);
    assert.equal(ids.includes("l2"), true);
  });

  it("finds ids that mean something else in the cluster, but not what an earlier run loaded", () => {
    const clashing = bundled(`<primitive id="ping" class="ocf" provider="heartbeat" type="Dummy"/>`);
    assert.deepEqual(planMerge(clashing, live(), OPTIONS).clashes, ["ping"]);
    const held = planMerge(bundled(WEB), live(), OPTIONS).held(live());
    assert.deepEqual(planMerge(bundled(WEB), held, OPTIONS).clashes, []);
    const free = planMerge(bundled(WEB), live(), OPTIONS).free(held);
    assert.deepEqual(planMerge(bundled(WEB), free, OPTIONS).clashes, []);
  });
});

describe("what the runtime left behind", () => {
  const operation = (id: string, task: string, rc: number, status = 0): string =>
    `<lrm_resource id="${id}" class="ocf" provider="heartbeat" type="Dummy"><lrm_rsc_op id="${id}_last_0"
      operation_key="${id}_${task}_0" operation="${task}" call-id="5" rc-code="${rc}" op-status="${status}" interval="0"
      transition-key="1:1:0:x" transition-magic="${status}:${rc};1:1:0:x" last-rc-change="1"/></lrm_resource>`;
  const status = (content: string): string =>
    `<node_state id="1" uname="alpha" in_ccm="false" crmd="offline" join="down" expected="down">
      <lrm id="1"><lrm_resources>${content}</lrm_resources></lrm></node_state>`;

  it("is known after its end, though it calls itself offline", () => {
    const cib = bundled(WEB, "", status(operation("web", "start", 0)));
    assert.deepEqual(leftBehind(cib, "alpha", ["web"]), { expected: [{ id: "web", role: "started" }], unclear: [] });
    assert.deepEqual(leftBehind(bundled(WEB), "alpha", ["web"]).expected, [{ id: "web", role: "stopped" }]);
  });

  it("is not known of what was under way, or failed", () => {
    const pending = bundled(WEB, "", status(operation("web", "start", 193, -1)));
    assert.deepEqual(leftBehind(pending, "alpha", ["web"]).unclear, ["web: start is under way"]);
    const failed = bundled(WEB, "", status(operation("web", "stop", 1)));
    assert.equal(leftBehind(failed, "alpha", ["web"]).unclear.length, 1);
    assert.equal(leftBehind(failed, "beta", ["web"]).unclear.length, 1);
  });
});
