import assert from "node:assert/strict";
import { setProperty } from "../../../src/cluster/cib/edit.js";
import { setNodeCondition, type NodeCondition } from "../../../src/cluster/cib/status.js";
import { withAttributes } from "../../../src/cluster/cib/tree.js";
import { presentHosts, whyNotDown } from "../../../src/cluster/pacemaker/presence.js";
import type { ClusterSession } from "../../../src/cluster/setup/session.js";
import { silentReport } from "../../../src/lib/report.js";
import { writeXml, type XmlElement } from "../../../src/lib/xml.js";
import { FakeHost } from "../../helpers/fake-host.js";
import { bareCib } from "../setup/cib.js";
import { exampleCluster } from "../setup/example.js";

const BETA = { id: "2", name: "beta" };

function cib(condition: NodeCondition): XmlElement {
  return setNodeCondition(bareCib("qdevice"), BETA, condition);
}

describe("a host that cannot be logged in to", () => {
  it("is down when Pacemaker fenced it or it left in order, and in no other case", () => {
    assert.equal(whyNotDown(cib("offline"), "beta"), undefined);
    assert.match(whyNotDown(cib("online"), "beta") ?? "", /a member/);
    assert.match(whyNotDown(cib("lost"), "beta") ?? "", /not fenced/);
    assert.match(whyNotDown(cib("offline"), "gamma") ?? "", /nothing of it/);
    const apart = withAttributes(cib("offline"), { "have-quorum": "0" });
    assert.match(whyNotDown(apart, "beta") ?? "", /no quorum/);
    assert.match(whyNotDown(setProperty(cib("offline"), "stonith-enabled", "false"), "beta") ?? "", /fencing/);
    for (const more of [{ expected: undefined }, { in_ccm: undefined }, { in_ccm: "true" }, { crmd: "online" }]) {
      const { children, ...root } = cib("offline");
      const states = children.map((section) =>
        section.name === "status"
          ? { ...section, children: section.children.map((each) => withAttributes(each, more)) }
          : section,
      );
      assert.ok(whyNotDown({ ...root, children: states }, "beta"), JSON.stringify(more));
    }
  });

  function session(alpha: FakeHost): ClusterSession {
    const unreachable = [{ name: "beta", message: "no route to host", remedy: "switch it on" }];
    return {
      cluster: exampleCluster(),
      connections: { hosts: new Map([["alpha", alpha]]), unreachable, close: () => Promise.resolve() },
    } as unknown as ClusterSession;
  }
  const asked = (...answers: readonly (NodeCondition | undefined)[]): FakeHost => {
    const host = new FakeHost("alpha");
    const text = (each: NodeCondition | undefined): string | { exitCode: number } =>
      each === undefined ? { exitCode: 102 } : writeXml(cib(each));
    for (const each of answers.slice(0, -1)) host.once(["cibadmin", "--query"], text(each));
    return host.on(["cibadmin", "--query"], text(answers.at(-1)));
  };

  it("is left out once the cluster has given it up, which is waited for", async () => {
    const { hosts, away } = await presentHosts(session(asked("online", "lost", "offline")), {
      report: silentReport,
      patienceMs: 300,
    });
    assert.deepEqual([hosts.map(({ name }) => name), away], [["alpha"], "beta"]);
  });

  it("is not left out as long as nobody can tell what runs there", async () => {
    for (const answer of ["online", "lost", undefined] as const) {
      const refused = presentHosts(session(asked(answer)), { report: silentReport, patienceMs: 20 });
      await assert.rejects(refused, { code: "host-unreachable", message: /^no route to host; nobody can tell/ });
    }
  });
});
