import assert from "node:assert/strict";
import { schedule } from "../../../src/cluster/scheduler/schedule.js";
import type { Transition } from "../../../src/cluster/scheduler/types.js";
import { parseXml } from "../../../src/lib/xml.js";

const NOW = Date.UTC(2026, 10, 22, 12);
const SECONDS = NOW / 1000;
const DUMMY = `class="ocf" provider="pacemaker" type="Dummy"`;

interface Given {
  readonly options?: Readonly<Record<string, string>>;
  readonly resources: string;
  readonly constraints?: string;
  /** By node name: transient attributes and histories. */
  readonly attributes?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly history?: Readonly<Record<string, string>>;
  readonly down?: readonly string[];
  readonly tickets?: string;
}

function decide({ options = {}, resources, constraints = "", attributes = {}, ...rest }: Given): Transition {
  const { history = {}, down = [], tickets = "" } = rest;
  const pairs = (id: string, values: Readonly<Record<string, string>>): string =>
    Object.entries(values)
      .map(([name, value]) => `<nvpair id="${id}-${name}" name="${name}" value="${value}"/>`)
      .join("");
  const states = ["n1", "n2"].map((name) => {
    const condition = down.includes(name)
      ? `in_ccm="false" crmd="offline" join="down" expected="down"`
      : `in_ccm="true" crmd="online" join="member" expected="member"`;
    const transient = `<transient_attributes id="${name}"><instance_attributes id="t-${name}">${pairs(`t-${name}`, attributes[name] ?? {})}</instance_attributes></transient_attributes>`;
    const lrm = `<lrm id="${name}"><lrm_resources>${history[name] ?? ""}</lrm_resources></lrm>`;
    return `<node_state id="${name}" uname="${name}" ${condition}>${transient}${lrm}</node_state>`;
  });
  const xml = `<cib validate-with="pacemaker-3.9" have-quorum="1" dc-uuid="n2"><configuration>
    <crm_config><cluster_property_set id="o">${pairs("o", { "stonith-enabled": "false", ...options })}</cluster_property_set></crm_config>
    <nodes><node id="n1" uname="n1"/><node id="n2" uname="n2"/></nodes>
    <resources>${resources}</resources><constraints>${constraints}</constraints></configuration>
    <status>${tickets}${states.join("")}</status></cib>`;
  return schedule(parseXml(xml, "test"), NOW);
}

function ran(id: string, task: string, rc: number, { lock, interval = 0 }: { lock?: number; interval?: number } = {}) {
  const mark = lock === undefined ? "" : ` shutdown-lock="${lock}"`;
  return `<lrm_resource id="${id}" ${DUMMY}${mark}><lrm_rsc_op id="${id}_last_0" operation_key="${id}_${task}_${interval}"
    operation="${task}" transition-key="1:1:${rc}:u" call-id="1" rc-code="${rc}" op-status="0" interval="${interval}" op-digest="f2317cad3d54cec5d7d7aa7d0bf35cf8"/></lrm_resource>`;
}

const VM = `<primitive id="vm" ${DUMMY}/>`;
const TICKET = (policy: string): string => `<rsc_ticket id="t" rsc="vm" ticket="siteA" loss-policy="${policy}"/>`;
const keys = ({ actions }: Transition): readonly string[] => actions.map((each) => each.id).sort();

describe("a shutdown lock", () => {
  const options = { "shutdown-lock": "true", "shutdown-lock-limit": "5min" };
  const known = ran("vm", "monitor", 7);

  it("stops a resource with its node and does not start it elsewhere", () => {
    const history = { n1: ran("vm", "start", 0), n2: known };
    const made = decide({ options, resources: VM, history, attributes: { n1: { shutdown: String(SECONDS) } } });
    assert.deepEqual(keys(made), ["cluster:do_shutdown-n1@n1", "rsc:vm_stop_0@n1"]);
    assert.equal(made.recheckAt, NOW + 300_000 + 1);
  });

  it("holds while the node is down, until the limit", () => {
    const lockedAt = (lock: number): Transition =>
      decide({ options, resources: VM, history: { n1: ran("vm", "stop", 0, { lock }), n2: known }, down: ["n1"] });
    assert.deepEqual(keys(lockedAt(SECONDS - 299)), []);
    assert.deepEqual(keys(lockedAt(SECONDS - 301)), ["cluster:vm_lrm_delete_0@n1", "rsc:vm_start_0@n2"]);
  });
});

describe("a ticket", () => {
  const history = { n1: ran("vm", "start", 0), n2: ran("vm", "monitor", 7) };
  const granted = (value: boolean, standby = false): string =>
    `<tickets><ticket_state id="siteA" granted="${value}" standby="${standby}"/></tickets>`;

  it("that is granted changes nothing", () => {
    assert.deepEqual(keys(decide({ resources: VM, constraints: TICKET("stop"), history, tickets: granted(true) })), []);
  });

  it("that is lost stops what needs it, or freezes it", () => {
    const lost = (policy: string): readonly string[] =>
      keys(decide({ resources: VM, constraints: TICKET(policy), history, tickets: granted(false) }));
    assert.deepEqual(lost("stop"), ["rsc:vm_stop_0@n1"]);
    assert.deepEqual(lost("freeze"), []);
  });

  it("in standby is given back in order, without fencing", () => {
    const made = decide({ resources: VM, constraints: TICKET("fence"), history, tickets: granted(true, true) });
    assert.deepEqual(keys(made), ["rsc:vm_stop_0@n1"]);
  });
});

describe("a resource in a container", () => {
  const resources = `${VM}<primitive id="web" ${DUMMY}>
    <meta_attributes id="m"><nvpair id="c" name="container" value="vm"/></meta_attributes></primitive>`;

  it("is not probed, and starts after it on the same node", () => {
    const made = decide({ resources });
    const [start] = made.actions.filter((each) => each.key === "web_start_0");
    assert.equal(start?.node, made.actions.find((each) => each.key === "vm_start_0")?.node);
    assert.ok(made.orders.some(({ first, then }) => first.startsWith("rsc:vm_start_0") && then === start?.id));
    assert.ok(!keys(made).some((key) => key.startsWith("rsc:web_monitor_0")));
  });
});
