import assert from "node:assert/strict";
import { element } from "../../src/lib/xml.js";
import type { XmlElement } from "../../src/lib/xml.js";
import { startGuest } from "../../src/cluster/guests.js";
import type { Cluster } from "../../src/cluster/types.js";

const OPERATION = { id: "web1_x", operation: "start", interval: "0", "call-id": "2" };
const PENDING = { ...OPERATION, "op-status": "-1", "rc-code": "193" };
const STARTED = { ...OPERATION, "op-status": "0", "rc-code": "0" };
const FIRST_MONITOR = { ...PENDING, id: "web1_y", operation: "monitor", interval: "10000", "call-id": "3" };

function cibWith(...operations: readonly Readonly<Record<string, string>>[]): XmlElement {
  return element("cib", {}, [
    element("configuration", {}, [
      element("nodes", {}, [element("node", { id: "1", uname: "alpha" })]),
      element("resources", {}, [element("primitive", { id: "web1", class: "ocf", type: "VirtualDomain" })]),
    ]),
    element("status", {}, [
      element("node_state", { id: "1", uname: "alpha", crmd: "online" }, [
        element("lrm", {}, [
          element("lrm_resources", {}, [
            element(
              "lrm_resource",
              { id: "web1" },
              operations.map((attributes) => element("lrm_rsc_op", attributes)),
            ),
          ]),
        ]),
      ]),
    ]),
  ]);
}

/** A cluster that says one thing after the other, and the last one for ever. */
function cluster(...said: readonly [XmlElement, ...XmlElement[]]): Cluster & { readonly asked: () => number } {
  let asked = 0;
  const no = (): never => assert.fail("that is not asked for");
  return {
    ...{ backend: "pacemaker", name: "lab", pollMs: 1, asked: () => asked },
    read: () => Promise.resolve(said[Math.min(++asked, said.length - 1)] ?? no()),
    update: (_, seen) => Promise.resolve({ cib: seen ?? no(), changed: true }),
    keptCib: () => Promise.resolve(said[0]),
    requireKeeper: () => Promise.resolve(),
    ...{ ensureCib: no, cleanUp: no, keeper: no, membership: no, verification: no, close: no },
  };
}

describe("waiting for a guest to start", () => {
  it("goes on when its time is up, as long as the cluster is at it", async () => {
    const begun = cluster(cibWith(PENDING), cibWith(PENDING), cibWith(PENDING), cibWith(STARTED));
    assert.equal((await startGuest(begun, "web1", { timeoutMs: 0 })).state, "running");
    assert.equal(begun.asked(), 3);
  });

  it("ends with the guest's state when nothing is under way", async () => {
    await assert.rejects(startGuest(cluster(cibWith()), "web1", { timeoutMs: 20 }), {
      code: "command-timeout",
      message: /^"web1" is not running after \d+ ms, but (unknown|stopped)$/,
    });
  });

  it("takes a guest that was started for running while its first monitor goes on", async () => {
    const monitored = cluster(cibWith(STARTED, FIRST_MONITOR));
    assert.equal((await startGuest(monitored, "web1", { timeoutMs: 0 })).state, "running");
  });
});
