import assert from "node:assert/strict";
import { schedule } from "../../../src/cluster/scheduler/schedule.js";
import type { Transition } from "../../../src/cluster/scheduler/types.js";
import { parseXml } from "../../../src/lib/xml.js";
import { precedes } from "./two-nodes.js";

const NOW = Date.UTC(2026, 10, 22, 12);
const WITHOUT_PARAMETERS = "f2317cad3d54cec5d7d7aa7d0bf35cf8";
const AGENTS: Readonly<Record<string, string>> = {
  g1: `class="ocf" provider="pacemaker" type="remote" container="vm"`,
};
const DUMMY = `class="ocf" provider="pacemaker" type="Dummy"`;

interface Given {
  /** Histories by node name. */
  readonly history: Readonly<Record<string, string>>;
  readonly standby?: string;
}

/** Two cluster nodes, n1 and n2, a virtual machine, vm, that is the guest node g1, and an application, app. */
function decide({ history, standby }: Given): Transition {
  const nodes = ["n1", "n2"].map((name) => {
    const set = `<instance_attributes id="${name}-a"><nvpair id="${name}-s" name="standby" value="on"/></instance_attributes>`;
    return `<node id="${name}" uname="${name}">${name === standby ? set : ""}</node>`;
  });
  const lrm = (name: string): string => `<lrm id="${name}"><lrm_resources>${history[name] ?? ""}</lrm_resources></lrm>`;
  const states = ["n1", "n2"].map(
    (name) =>
      `<node_state id="${name}" uname="${name}" in_ccm="true" crmd="online" join="member" expected="member">${lrm(name)}</node_state>`,
  );
  const text = `<cib validate-with="pacemaker-3.9" have-quorum="1" dc-uuid="n2"><configuration>
    <crm_config><cluster_property_set id="o"><nvpair id="o1" name="stonith-enabled" value="false"/></cluster_property_set></crm_config>
    <nodes>${nodes.join("")}</nodes>
    <resources>
      <primitive id="vm" ${DUMMY}><meta_attributes id="vm-m"><nvpair id="vm-r" name="remote-node" value="g1"/></meta_attributes></primitive>
      <primitive id="app" ${DUMMY}/>
    </resources>
    <constraints><rsc_location id="l" rsc="app" node="g1" score="100"/></constraints></configuration>
    <status>${states.join("")}<node_state id="g1" uname="g1" remote_node="true">${lrm("g1")}</node_state></status></cib>`;
  return schedule(parseXml(text, "test"), NOW);
}

function ran(id: string, ...entries: readonly (readonly [task: string, rc: number])[]): string {
  const operations = entries.map(
    ([task, rc], index) => `<lrm_rsc_op id="${id}_${index}" operation_key="${id}_${task}_0" operation="${task}"
      transition-key="1:1:${task === "monitor" ? 7 : 0}:u" call-id="${index + 1}" rc-code="${rc}" op-status="0"
      interval="0" op-digest="${WITHOUT_PARAMETERS}"/>`,
  );
  return `<lrm_resource id="${id}" ${AGENTS[id] ?? DUMMY}>${operations.join("")}</lrm_resource>`;
}

const [UP, DOWN] = [["start", 0] as const, ["monitor", 7] as const];
const ELSEWHERE = ran("vm", DOWN) + ran("g1", DOWN) + ran("app", DOWN);

describe("guest nodes", () => {
  it("are there once the guest is started and its connection is up; nobody looks for anything in a fresh guest", () => {
    const made = decide({ history: { n1: ELSEWHERE, n2: ELSEWHERE }, standby: "n2" });
    assert.deepEqual(made.actions.map(({ id }) => id).sort(), [
      "rsc:app_start_0@g1",
      "rsc:g1_monitor_30000@n1",
      "rsc:g1_start_0@n1",
      "rsc:vm_start_0@n1",
    ]);
    assert.ok(precedes(made, "vm_start_0", "g1_start_0"));
    assert.ok(precedes(made, "g1_start_0", "app_start_0"));
  });

  it("take what runs there with them when the guest moves", () => {
    const history = { n1: ran("vm", UP) + ran("g1", UP) + ran("app", DOWN), n2: ELSEWHERE, g1: ran("app", UP) };
    const made = decide({ history, standby: "n1" });
    for (const [first, then] of [
      ["app_stop_0", "g1_stop_0"],
      ["g1_stop_0", "vm_stop_0"],
      ["vm_stop_0", "vm_start_0"],
      ["g1_start_0", "app_start_0"],
    ] as const) {
      assert.ok(precedes(made, first, then), `${first} before ${then}`);
    }
    const router = (key: string): string | undefined => made.actions.find((each) => each.key === key)?.router;
    assert.deepEqual([router("app_stop_0"), router("app_start_0")], ["n1", "n2"]);
  });

  it("are reset without a fencing device, by restarting the guest that failed", () => {
    const failed = ran("vm", UP, ["monitor", 1]);
    const history = { n1: failed + ran("g1", UP) + ran("app", DOWN), n2: ELSEWHERE, g1: ran("app", UP) };
    const made = decide({ history, standby: "n2" });
    const stop = made.actions.find(({ key }) => key === "app_stop_0");
    assert.equal(stop?.kind, "pseudo");
    assert.ok(precedes(made, "vm_stop_0", "stonith-g1-reboot"));
    assert.ok(precedes(made, "stonith-g1-reboot", "app_start_0"));
  });
});
