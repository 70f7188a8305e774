import assert from "node:assert/strict";
import { schedule } from "../../../src/cluster/scheduler/index.js";
import { parseXml } from "../../../src/lib/xml.js";
import { done, primitive } from "./two-nodes.js";

interface Entry {
  readonly task: string;
  readonly rc: number;
  readonly interval?: number;
}

interface Given {
  readonly resources: string;
  /** What was done to `vm` on n1, oldest first; n2 is known not to have it. */
  readonly history: readonly Entry[];
  readonly failcount?: string;
  readonly featureSet?: string;
}

function decide({ resources, history, failcount, featureSet = "3.16.1" }: Given): readonly string[] {
  const entry = ({ task, rc, interval = 0 }: Entry, index: number): string =>
    `<lrm_rsc_op id="vm_${task}_${interval}" operation_key="vm_${task}_${interval}" operation="${task}"
      transition-key="1:1:${task === "monitor" && interval === 0 ? 7 : 0}:u" call-id="${index + 1}" rc-code="${rc}" op-status="0"
      interval="${interval}" op-digest="f2317cad3d54cec5d7d7aa7d0bf35cf8"/>`;
  const known = (entries: readonly Entry[]): string =>
    `<lrm_resource id="vm" class="ocf" provider="pacemaker" type="Dummy">${entries.map(entry).join("")}</lrm_resource>`;
  const count = failcount === undefined ? "" : `<nvpair id="t-f" name="${failcount}" value="INFINITY"/>`;
  const states = ["n1", "n2"].map(
    (name) => `<node_state id="${name}" uname="${name}" in_ccm="true" crmd="online" join="member" expected="member">
      <transient_attributes id="${name}"><instance_attributes id="t-${name}">${name === "n1" ? count : ""}</instance_attributes></transient_attributes>
      <lrm id="${name}"><lrm_resources>${known(name === "n1" ? history : [{ task: "monitor", rc: 7 }])}</lrm_resources></lrm></node_state>`,
  );
  const text = `<cib validate-with="pacemaker-3.9" crm_feature_set="${featureSet}" have-quorum="1"><configuration>
    <crm_config><cluster_property_set id="c"><nvpair id="f" name="stonith-enabled" value="false"/></cluster_property_set></crm_config>
    <nodes><node id="n1" uname="n1"/><node id="n2" uname="n2"/></nodes>
    <resources>${resources}</resources><constraints/></configuration><status>${states.join("")}</status></cib>`;
  return done(schedule(parseXml(text, "test"), Date.UTC(2026, 10, 22, 12)));
}

describe("what failed", () => {
  const running = [{ task: "start", rc: 0 }];

  it("is counted by operation since feature set 3.0.13, and by resource before", () => {
    const given = (featureSet: string, failcount: string): readonly string[] =>
      decide({ resources: primitive("vm"), history: running, failcount, featureSet });
    const moved = ["start vm n2", "stop vm n1"];
    assert.deepEqual(given("3.0.13", "fail-count-vm#monitor_10000"), moved);
    assert.deepEqual(given("3.0.13", "fail-count-vm"), []);
    assert.deepEqual(given("3.0.12", "fail-count-vm#monitor_10000"), []);
    assert.deepEqual(given("3.0.12", "fail-count-vm"), moved);
  });

  it("while it was promoted is demoted before it is stopped", () => {
    const meta = `<meta_attributes id="c-m"><nvpair id="c-p" name="promotable" value="true"/><nvpair id="c-x" name="clone-max" value="1"/></meta_attributes>`;
    const resources = `<clone id="c">${meta}${primitive("vm")}</clone>`;
    const made = decide({ resources, history: [...running, { task: "promote", rc: 1 }] });
    assert.ok(made.includes("demote vm n1") && made.includes("stop vm n1"), made.join(", "));
  });
});

describe("a monitor that is not configured any more", () => {
  const history = [
    { task: "start", rc: 0 },
    { task: "monitor", rc: 0, interval: 10_000 },
  ];

  it("is ended where the resource goes on", () => {
    assert.deepEqual(decide({ resources: primitive("vm"), history }), ["cancel vm n1"]);
  });

  it("ends with the resource where that stops", () => {
    const stopped = primitive("vm", `<nvpair id="vm-tr" name="target-role" value="Stopped"/>`);
    assert.deepEqual(decide({ resources: stopped, history }), ["stop vm n1"]);
  });
});
