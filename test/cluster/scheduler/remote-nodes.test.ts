import assert from "node:assert/strict";
import { schedule } from "../../../src/cluster/scheduler/schedule.js";
import type { Transition } from "../../../src/cluster/scheduler/types.js";
import { parseXml } from "../../../src/lib/xml.js";
import { precedes } from "./two-nodes.js";

const NOW = Date.UTC(2026, 10, 22, 12);
const CONNECTION = `class="ocf" provider="pacemaker" type="remote"`;
const DUMMY = `class="ocf" provider="pacemaker" type="Dummy"`;

interface Given {
  /** Histories by node name. */
  readonly history: Readonly<Record<string, string>>;
  readonly standby?: string;
  readonly connectionMeta?: string;
  readonly constraints?: string;
  readonly fencing?: boolean;
}

/** Two cluster nodes, n1 and n2, a remote node r1, and an application, app. */
function decide({ history, standby, connectionMeta = "", constraints = "", fencing = false }: Given): Transition {
  const nodes = ["n1", "n2"].map((name) => {
    const set = `<instance_attributes id="${name}-a"><nvpair id="${name}-s" name="standby" value="on"/></instance_attributes>`;
    return `<node id="${name}" uname="${name}">${name === standby ? set : ""}</node>`;
  });
  const lrm = (name: string): string => `<lrm id="${name}"><lrm_resources>${history[name] ?? ""}</lrm_resources></lrm>`;
  const states = ["n1", "n2"].map(
    (name) =>
      `<node_state id="${name}" uname="${name}" in_ccm="true" crmd="online" join="member" expected="member">${lrm(name)}</node_state>`,
  );
  const device = fencing ? `<primitive id="fence" class="stonith" type="fence_x"/>` : "";
  const text = `<cib validate-with="pacemaker-3.9" have-quorum="1" dc-uuid="n2"><configuration>
    <crm_config><cluster_property_set id="o"><nvpair id="o1" name="stonith-enabled" value="${String(fencing)}"/></cluster_property_set></crm_config>
    <nodes>${nodes.join("")}</nodes>
    <resources>
      <primitive id="r1" ${CONNECTION}><meta_attributes id="r1-m">${connectionMeta}</meta_attributes>
        <operations><op id="r1-op" name="monitor" interval="60s"/></operations></primitive>
      <primitive id="app" ${DUMMY}/>${device}
    </resources>
    <constraints><rsc_location id="l" rsc="app" node="r1" score="100"/>${constraints}</constraints></configuration>
    <status>${states.join("")}<node_state id="r1" uname="r1" remote_node="true">${lrm("r1")}</node_state></status></cib>`;
  return schedule(parseXml(text, "test"), NOW);
}

function ran(id: string, ...entries: readonly (readonly [task: string, rc: number, interval?: number])[]): string {
  const operations = entries.map(
    ([task, rc, interval = 0], index) => `<lrm_rsc_op id="${id}_${index}" operation_key="${id}_${task}_${interval}"
      operation="${task}" transition-key="1:1:${task === "monitor" && interval === 0 ? 7 : 0}:u" call-id="${index + 1}"
      rc-code="${rc}" op-status="0" interval="${interval}" op-digest="${WITHOUT_PARAMETERS}"/>`,
  );
  const agent = id === "r1" ? CONNECTION : id === "fence" ? `class="stonith" type="fence_x"` : DUMMY;
  return `<lrm_resource id="${id}" ${agent}>${operations.join("")}</lrm_resource>`;
}

const WITHOUT_PARAMETERS = "f2317cad3d54cec5d7d7aa7d0bf35cf8";
const [UP, DOWN] = [["start", 0] as const, ["monitor", 7] as const];
const keys = ({ actions }: Transition): readonly string[] => actions.map(({ id }) => id).sort();

describe("remote nodes", () => {
  it("are used once their connection is up, and what is done there goes through the node that has it", () => {
    const history = { n1: ran("r1", DOWN) + ran("app", DOWN), n2: ran("r1", DOWN) + ran("app", DOWN) };
    const made = decide({ history, standby: "n2" });
    assert.deepEqual(keys(made), [
      "rsc:app_monitor_0@r1",
      "rsc:app_start_0@r1",
      "rsc:r1_monitor_60000@n1",
      "rsc:r1_start_0@n1",
    ]);
    assert.ok(precedes(made, "r1_start_0", "app_monitor_0"));
    assert.ok(precedes(made, "r1_start_0", "app_start_0"));
    assert.equal(made.actions.find(({ key }) => key === "app_start_0")?.router, "n1");
    assert.deepEqual(made.present.nodes["r1"], []);
  });

  it("lose what runs there before their connection is given up", () => {
    const history = {
      n1: ran("r1", UP) + ran("app", DOWN),
      n2: ran("r1", DOWN) + ran("app", DOWN),
      r1: ran("app", UP),
    };
    const connectionMeta = `<nvpair id="r1-t" name="target-role" value="Stopped"/>`;
    const made = decide({ history, connectionMeta });
    assert.ok(precedes(made, "app_stop_0", "r1_stop_0"));
    assert.deepEqual(made.present.nodes["r1"], ["online", "shutdown"]);
  });

  it("keep what runs there while their connection is handed over", () => {
    const history = {
      n1: ran("r1", UP) + ran("app", DOWN),
      n2: ran("r1", DOWN) + ran("app", DOWN),
      r1: ran("app", UP),
    };
    const made = decide({ history, standby: "n1" });
    assert.ok(keys(made).includes("rsc:r1_migrate_to_0@n1"));
    assert.ok(!keys(made).some((key) => key.includes("app_")));
  });

  it("are fenced when their connection is lost, and only then is what ran there started elsewhere", () => {
    const history = {
      n1: ran("r1", UP, ["monitor", 1, 60_000]) + ran("app", DOWN) + ran("fence", DOWN),
      n2: ran("r1", DOWN) + ran("app", DOWN) + ran("fence", UP),
      r1: ran("app", UP),
    };
    const made = decide({ history, fencing: true });
    assert.ok(keys(made).includes("cluster:stonith-r1-reboot@r1"));
    assert.ok(precedes(made, "stonith-r1-reboot", "app_start_0"));
    assert.ok(made.actions.some(({ key, node }) => key === "app_start_0" && node !== "r1"));
  });
});
