import { schedule } from "../../../src/cluster/scheduler/index.js";
import type { Transition } from "../../../src/cluster/scheduler/types.js";
import { parseXml } from "../../../src/lib/xml.js";

const NOW = Date.UTC(2026, 10, 22, 12);

export interface World {
  readonly resources: string;
  readonly constraints?: string;
  /** Names of the nodes in standby. */
  readonly standby?: readonly string[];
  /** Resources that run on n1; all others are known to be stopped there, and everything is on n2. */
  readonly running: readonly string[];
}

/** What is decided for two nodes that are online; agents are all ocf:pacemaker:Dummy. */
export function decide(world: World): Transition {
  const { resources, constraints = "", standby = [], running } = world;
  const ids = [...resources.matchAll(/<primitive id="([^"]+)"/g)].map((match) => match[1] ?? "");
  const nodes = ["n1", "n2"].map((name, index) => {
    const set = `<instance_attributes id="${name}-a"><nvpair id="${name}-s" name="standby" value="on"/></instance_attributes>`;
    return `<node id="${index + 1}" uname="${name}">${standby.includes(name) ? set : ""}</node>`;
  });
  const states = ["n1", "n2"].map((name, index) => {
    const known = ids.map((id) => history(id, name === "n1" && running.includes(id)));
    return `<node_state id="${index + 1}" uname="${name}" in_ccm="true" crmd="online" join="member" expected="member">
      <lrm id="${index + 1}"><lrm_resources>${known.join("")}</lrm_resources></lrm></node_state>`;
  });
  const text = `<cib validate-with="pacemaker-3.9" crm_feature_set="3.16.1" epoch="1" num_updates="0" admin_epoch="0" have-quorum="1">
    <configuration><crm_config><cluster_property_set id="c">
      <nvpair id="f" name="stonith-enabled" value="false"/>
    </cluster_property_set></crm_config>
    <nodes>${nodes.join("")}</nodes><resources>${resources}</resources><constraints>${constraints}</constraints></configuration>
    <status>${states.join("")}</status></cib>`;
  return schedule(parseXml(text, "test"), NOW);
}

export function primitive(id: string, meta = ""): string {
  return `<primitive id="${id}" class="ocf" provider="pacemaker" type="Dummy"><meta_attributes id="${id}-m">${meta}</meta_attributes></primitive>`;
}

export function migratable(id: string): string {
  return primitive(id, `<nvpair id="${id}-am" name="allow-migrate" value="true"/>`);
}

function history(id: string, runs: boolean): string {
  const [task, rc] = runs ? ["start", 0] : ["monitor", 7];
  return `<lrm_resource id="${id}" class="ocf" provider="pacemaker" type="Dummy"><lrm_rsc_op id="${id}_last_0"
    operation_key="${id}_${task}_0" operation="${task}" transition-key="1:1:${rc}:u" transition-magic="0:${rc};1:1:${rc}:u"
    call-id="1" rc-code="${rc}" op-status="0" interval="0" op-digest="f2317cad3d54cec5d7d7aa7d0bf35cf8"/></lrm_resource>`;
}

/** The real actions, such as `stop vm n1`. */
export function done({ actions }: Transition): readonly string[] {
  return actions
    .filter(({ kind, task }) => kind !== "pseudo" && task !== "monitor")
    .map(({ task, resource, node }) => [task, resource?.id, node].filter((each) => each !== undefined).join(" "))
    .sort();
}

/** Whether one action has to be finished before the other is begun; by keys. */
export function precedes({ actions, orders }: Transition, first: string, then: string): boolean {
  const idOf = (key: string): string | undefined => actions.find((each) => each.key === key)?.id;
  const seen = new Set<string>();
  const reach = (id: string | undefined): void => {
    if (id === undefined || seen.has(id)) return;
    seen.add(id);
    for (const order of orders) if (order.first === id) reach(order.then);
  };
  reach(idOf(first));
  const last = idOf(then);
  return last !== undefined && seen.has(last);
}
