import assert from "node:assert/strict";
import { withOperation, type OperationRecord } from "../../../src/cluster/cib/record.js";
import { editHistory, setNodeCondition, setTransientAttribute } from "../../../src/cluster/cib/status.js";
import { NO_METADATA } from "../../../src/cluster/runtime/agents/metadata.js";
import { operationDigests } from "../../../src/cluster/runtime/digests.js";
import { schedule } from "../../../src/cluster/scheduler/index.js";
import type { Transition } from "../../../src/cluster/scheduler/types.js";
import { parseXml, type XmlElement } from "../../../src/lib/xml.js";
import { crmSimulate, hasCrmSimulate } from "../../helpers/crm-simulate.js";

const NODE = { id: "1", name: "n1" };
const NOW = Date.UTC(2026, 10, 22, 12);

type Entry = Partial<OperationRecord> & Pick<OperationRecord, "task" | "rc">;

function cib(history: readonly Entry[], options: { meta?: string; failCount?: string } = {}): XmlElement {
  const empty = parseXml(
    `<cib validate-with="pacemaker-3.9" crm_feature_set="3.16.1" epoch="1" num_updates="0" admin_epoch="0" have-quorum="1" dc-uuid="1">
      <configuration>
        <crm_config><cluster_property_set id="cib-bootstrap-options"><nvpair id="s" name="stonith-enabled" value="false"/></cluster_property_set></crm_config>
        <nodes><node id="1" uname="n1"/></nodes>
        <resources><primitive id="vm" class="ocf" provider="pacemaker" type="Dummy">
          <meta_attributes id="m"><nvpair id="m1" name="migration-threshold" value="2"/>${options.meta ?? ""}</meta_attributes>
          <operations><op id="o1" name="monitor" interval="10s" timeout="30s"/></operations>
        </primitive></resources>
        <constraints/>
      </configuration><status/></cib>`,
    "test",
  );
  const online = setNodeCondition(empty, NODE, "online");
  const agent = { class: "ocf", provider: "pacemaker", type: "Dummy" };
  const lived = history.reduce(
    (at, entry, index) =>
      editHistory(at, NODE, { id: "vm", attributes: agent }, (own) => withOperation(own, record(entry, index))),
    online,
  );
  if (options.failCount === undefined) return lived;
  const counted = setTransientAttribute(lived, NODE, "fail-count-vm#monitor_10000", options.failCount);
  return setTransientAttribute(counted, NODE, "last-failure-vm#monitor_10000", String(NOW / 1000 - 60));
}

function record(entry: Entry, index: number): OperationRecord {
  const intervalMs = entry.intervalMs ?? 0;
  return {
    resourceId: "vm",
    intervalMs,
    callId: index + 1,
    status: 0,
    exitReason: "",
    targetRc: 0,
    node: "n1",
    changedAt: NOW - 60_000,
    execTimeMs: 1,
    queueTimeMs: 0,
    transitionKey: `${index}:1:${entry.targetRc ?? 0}:12345678-1234-1234-1234-123456789012`,
    digests: operationDigests({ params: {}, intervalMs, timeoutMs: 30_000 }, NO_METADATA),
    ...entry,
  };
}

const started: readonly Entry[] = [
  { task: "monitor", rc: 7, targetRc: 7 },
  { task: "start", rc: 0 },
  { task: "monitor", rc: 0, intervalMs: 10_000 },
];
const failedMonitor: Entry = { task: "monitor", rc: 7, intervalMs: 10_000 };
const stop = '<nvpair id="m2" name="target-role" value="Stopped"/>';

const cases: Readonly<Record<string, XmlElement>> = {
  "nothing is known": cib([]),
  "it was found stopped": cib([{ task: "monitor", rc: 7, targetRc: 7 }]),
  "it was found running": cib([{ task: "monitor", rc: 0, targetRc: 7 }]),
  "it runs and is monitored": cib(started),
  "it runs and nobody monitors it": cib(started.slice(0, 2)),
  "its monitor failed": cib([...started, failedMonitor], { failCount: "1" }),
  "its monitor failed too often": cib([...started, failedMonitor], { failCount: "2" }),
  "it should stop": cib(started, { meta: stop }),
  "it was stopped and may stay so": cib([...started, { task: "stop", rc: 0 }], { meta: stop }),
  "it was stopped and should run": cib([...started, { task: "stop", rc: 0 }]),
  "its stop failed": cib([...started, { task: "stop", rc: 1 }], { meta: stop }),
  "it is not managed": cib([...started, failedMonitor], { meta: '<nvpair id="m2" name="is-managed" value="false"/>' }),
  "its failures expired": cib(started, {
    failCount: "1",
    meta: '<nvpair id="m2" name="failure-timeout" value="30s"/>',
  }),
};

/** The real actions, and which of them come first. */
function essence(transition: Transition): readonly string[] {
  return transition.actions
    .filter(({ kind, task }) => kind !== "pseudo" && task !== "cancel")
    .map(({ task, intervalMs, node }) => `${task} ${task === "clear_failcount" ? 0 : intervalMs} ${node ?? ""}`)
    .sort();
}

describe("one host, decided as Pacemaker decides", function () {
  before(function () {
    if (hasCrmSimulate()) return;
    console.log("      skipped: crm_simulate (package pacemaker-cli-utils) is not installed");
    this.skip();
  });
  for (const [when, given] of Object.entries(cases)) {
    it(`when ${when}`, () => {
      assert.deepEqual(essence(schedule(given, NOW)), essence(crmSimulate(given, NOW)));
    });
  }
});
