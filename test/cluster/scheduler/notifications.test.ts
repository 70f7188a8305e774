import assert from "node:assert/strict";
import { schedule } from "../../../src/cluster/scheduler/index.js";
import type { Action, Transition } from "../../../src/cluster/scheduler/types.js";
import { parseXml } from "../../../src/lib/xml.js";

const NOW = Date.UTC(2026, 10, 22, 12);

/** What the history says of an instance: the rc of its only probe. */
const PROBED = { stopped: 7, started: 0, promoted: 8 } as const;

interface Member {
  readonly is: keyof typeof PROBED;
  readonly crashed?: boolean;
  /** What the agent wants its chance of promotion to be. */
  readonly promotion?: number;
}

/** A clone `ms` of `drbd` on nodes n1, n2 …, one member each. */
function transition(members: readonly Member[], { promotable = true, meta = "" } = {}): Transition {
  const nodes = members.map((_, index) => `<node id="${index + 1}" uname="n${index + 1}"/>`).join("");
  const states = members.map((member, index) => nodeState(member, index + 1)).join("");
  const fenced = members.some(({ crashed }) => crashed === true);
  const nv = (name: string, value: string): string => `<nvpair id="ms-${name}" name="${name}" value="${value}"/>`;
  const cib = `<cib validate-with="pacemaker-3.9" crm_feature_set="3.16.1" epoch="1" num_updates="0" admin_epoch="0" have-quorum="1" dc-uuid="1">
    <configuration>
      <crm_config><cluster_property_set id="o">
        <nvpair id="o1" name="stonith-enabled" value="${String(fenced)}"/><nvpair id="o2" name="no-quorum-policy" value="ignore"/>
      </cluster_property_set></crm_config>
      <nodes>${nodes}</nodes>
      <resources>
        <clone id="ms">
          <meta_attributes id="m">${nv("promotable", String(promotable))}${nv("notify", "true")}${meta}</meta_attributes>
          <primitive id="drbd" class="ocf" provider="linbit" type="drbd">
            <operations>
              <op id="op1" name="monitor" interval="10s" role="Promoted"/><op id="op2" name="monitor" interval="11s"/>
              <op id="op3" name="notify" interval="0" timeout="90s"/>
            </operations>
          </primitive>
        </clone>
        ${fenced ? '<primitive id="fence" class="stonith" type="fence_xvm"/>' : ""}
      </resources>
      <constraints/>
    </configuration><status>${states}</status></cib>`;
  return schedule(parseXml(cib, "test"), NOW);
}

function nodeState({ is, crashed = false, promotion }: Member, id: number): string {
  const rc = PROBED[is];
  const master = promotion === undefined ? "" : `<nvpair id="p${id}" name="master-drbd" value="${promotion}"/>`;
  const [inside, online] = crashed ? ["false", "offline"] : ["true", "online"];
  return `<node_state id="${id}" uname="n${id}" in_ccm="${inside}" crmd="${online}" join="member" expected="member">
    <transient_attributes id="${id}"><instance_attributes id="t${id}">${master}</instance_attributes></transient_attributes>
    <lrm id="${id}"><lrm_resources><lrm_resource id="drbd" class="ocf" provider="linbit" type="drbd">
      <lrm_rsc_op id="drbd_last_${id}" operation_key="drbd_monitor_0" operation="monitor" crm_feature_set="3.16.1" interval="0" op-digest="f2317cad3d54cec5d7d7aa7d0bf35cf8"
        call-id="1" rc-code="${rc}" op-status="0" transition-key="1:0:7:x" transition-magic="0:${rc};1:0:7:x" on_node="n${id}"/>
    </lrm_resource></lrm_resources></lrm></node_state>`;
}

/** Notifications as `pre start n1`, in no particular order. */
function notices({ actions }: Transition): readonly string[] {
  return actions
    .filter(({ kind, task }) => kind === "rsc" && task === "notify")
    .map(({ meta, node }) => `${meta["notify_type"] ?? ""} ${meta["notify_operation"] ?? ""} ${node ?? ""}`)
    .sort();
}

function find({ actions }: Transition, id: string): Action {
  const found = actions.find((action) => action.id === id);
  assert.ok(found, `${id} is not among ${actions.map((action) => action.id).join(", ")}`);
  return found;
}

function follows({ orders }: Transition, first: string, then: string): boolean {
  const next = orders.filter((order) => order.first === first).map((order) => order.then);
  return next.includes(then) || next.some((each) => follows({ orders } as Transition, each, then));
}

describe("notifications of a clone's agents", () => {
  it("are for those that are active: the one that starts is only told afterwards", () => {
    const made = transition([{ is: "started" }, { is: "stopped" }], { promotable: false });
    assert.deepEqual(notices(made), ["post start n1", "post start n2", "pre start n1"]);
    assert.deepEqual(made.unsupported, []);
  });

  it("surround the operation, and monitors begin after the last confirmation", () => {
    const made = transition([{ is: "started" }, { is: "stopped" }], { promotable: false });
    const chain = [
      "pseudo:ms_pre_notify_start_0",
      "rsc:drbd_pre_notify_start_0@n1",
      "pseudo:ms_confirmed-pre_notify_start_0",
      "pseudo:ms_start_0",
      "rsc:drbd_start_0@n2",
      "pseudo:ms_running_0",
      "pseudo:ms_post_notify_running_0",
      "rsc:drbd_post_notify_start_0@n2",
      "pseudo:ms_confirmed-post_notify_running_0",
      "rsc:drbd_monitor_11000@n2",
    ];
    for (const [index, id] of chain.entries()) {
      find(made, id);
      const before = chain[index - 1];
      if (before !== undefined) assert.ok(follows(made, before, id), `${before} before ${id}`);
    }
  });

  it("tell who is in which role and what happens to whom", () => {
    const made = transition([
      { is: "promoted", promotion: 5 },
      { is: "started", promotion: 100 },
    ]);
    assert.deepEqual(
      notices(made),
      ["n1", "n2"]
        .flatMap((node) =>
          ["pre", "post"].flatMap((when) => ["demote", "promote"].map((task) => `${when} ${task} ${node}`)),
        )
        .sort(),
    );
    const notice = made.actions.find(
      ({ task, node, meta }) => task === "notify" && node === "n2" && meta["notify_type"] === "pre",
    );
    const told = Object.fromEntries(
      Object.entries(notice?.meta ?? {})
        .filter(([name]) => /^notify_.*_uname$/.test(name))
        .map(([name, value]) => [name.slice(7, -6), value]),
    );
    assert.deepEqual(told, {
      ...{ active: "n1 n2", all: "n1 n2", available: "n1 n2" },
      ...{ promoted: "n1", master: "n1", unpromoted: "n2", slave: "n2" },
      ...{ start: " ", stop: " ", promote: "n2", demote: "n1" },
    });
    assert.equal(notice?.timeoutMs, 90_000);
    assert.ok(follows(made, "pseudo:ms_confirmed-post_notify_demoted_0", "pseudo:ms_pre_notify_promote_0"));
  });

  it("of a stop done by fencing wait until the node is down, and name it", () => {
    const made = transition([{ is: "started" }, { is: "started", crashed: true }], { promotable: false });
    assert.deepEqual(notices(made), ["post stop n1", "pre stop n1"]);
    const notice = made.actions.find(
      ({ task, meta }) => task === "notify" && meta["notify_stop_uname"] === "n2" && meta["notify_type"] === "post",
    );
    assert.equal(notice?.meta["notify_key_operation"], "stonith");
    assert.ok(follows(made, "cluster:stonith-n2-reboot@n2", notice.id));
  });

  it("are not sent when nothing happens", () => {
    assert.deepEqual(notices(transition([{ is: "started" }, { is: "started" }], { promotable: false })), []);
  });
});
