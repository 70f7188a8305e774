import assert from "node:assert/strict";
import { pacemakerCluster } from "../../../src/cluster/pacemaker/cluster.js";
import { summarise } from "../../../src/cluster/summary.js";
import { summaryText } from "../../../src/cluster/summary-text.js";
import { setProperty } from "../../../src/cluster/cib/edit.js";
import { setNodeCondition } from "../../../src/cluster/cib/status.js";
import { withAttributes } from "../../../src/cluster/cib/tree.js";
import { RehomeError } from "../../../src/lib/errors.js";
import { writeXml, type XmlElement } from "../../../src/lib/xml.js";
import { FakeHost } from "../../helpers/fake-host.js";
import { bareCib } from "../setup/cib.js";

/** As corosync 3.1 prints it; `votes` of the two hosts and the quorum device. */
const quorum = (votes: number): string => `Quorum information
------------------
Quorate:          Yes

Votequorum information
----------------------
Expected votes:   3
Highest expected: 3
Total votes:      ${votes}
Quorum:           2
Flags:            Quorate Qdevice
`;
const qdevice = (state: string): string => `Qdevice-net information
----------------------
Cluster name:           office
QNetd host:             192.0.2.13:5403
Algorithm:              Fifty-Fifty split
Tie-breaker:            Node with lowest node ID
State:                  ${state}
`;

describe("the status of a cluster that Pacemaker keeps", () => {
  function member(name: string, cib: XmlElement, device: string | undefined, votes = 3): FakeHost {
    return new FakeHost(name)
      .on(["cibadmin", "--query"], writeXml(cib))
      .on(["corosync-quorumtool", "-s"], quorum(votes))
      .on(/^corosync-cmapctl/, device === undefined ? { exitCode: 1 } : "quorum.device.model (str) = net\n")
      .on(["corosync-qdevice-tool", "-s"], device === undefined ? { exitCode: 1 } : qdevice(device));
  }
  async function linesOf(...hosts: readonly (FakeHost | RehomeError)[]): Promise<readonly string[]> {
    const cluster = pacemakerCluster(
      hosts.map((host, index) => ({
        name: ["alpha", "beta"][index] ?? "",
        connect: () => (host instanceof RehomeError ? Promise.reject(host) : Promise.resolve(host)),
      })),
    );
    const [keeper, membership] = [await cluster.keeper(), await cluster.membership()];
    return summaryText(summarise(await cluster.read(), Date.now()), keeper, membership);
  }

  it("says who decides, with how many votes, and whose fencing was never tested", async () => {
    const lines = await linesOf(member("alpha", bareCib("qdevice"), "Connected"));
    assert.deepEqual(lines.slice(0, 3), [
      "CIB 0.5.0 as alpha has it; alpha decides; quorum (3 of 3 votes)",
      "not highly available: fencing was never tested on alpha, beta",
      "",
    ]);
  });

  it("says that the tie-breaker is gone", async () => {
    const text = (await linesOf(member("alpha", bareCib("qdevice"), "Connect failed", 2))).join(" ");
    assert.match(text, /THE TIE-BREAKER IS GONE: the quorum device at 192.0.2.13:5403: Connect failed; when a host/);
    assert.match(text, /quorum \(2 of 3 votes\)/);
  });

  it("says that fencing is off, and what is unclean when it is on", async () => {
    const lost = setNodeCondition(bareCib("qdevice"), { id: "2", name: "beta" }, "lost");
    assert.match((await linesOf(member("alpha", lost, undefined))).join("\n"), /^beta +UNCLEAN/m);
    const off = setProperty(lost, "stonith-enabled", "false");
    const lines = (await linesOf(member("alpha", off, undefined))).join("\n");
    assert.match(lines, /^FENCING IS OFF/m);
    assert.match(lines, /^beta +offline/m);
  });

  it("asks a member with quorum rather than one without, and closes the other", async () => {
    const alpha = member("alpha", withAttributes(bareCib("qdevice"), { "have-quorum": "0" }), undefined);
    const lines = await linesOf(alpha, member("beta", bareCib("qdevice"), undefined));
    assert.match(lines[0] ?? "", /as beta has it; .* quorum/);
    assert.equal(alpha.closed, true);
  });

  it("asks the second host when the first does not answer, and says so", async () => {
    const gone = new RehomeError("host-unreachable", "no route to 192.0.2.11");
    const lines = await linesOf(gone, member("beta", bareCib("qdevice"), undefined));
    assert.equal(lines[0], "could not ask alpha: no route to 192.0.2.11");
    assert.match(lines[1] ?? "", /as beta has it/);
  });

  it("does not take a fault in rehome for a host that is gone", async () => {
    await assert.rejects(linesOf(new RehomeError("config-invalid", "wrong")), { code: "config-invalid" });
  });

  it("goes on with the other member when the one it asked is lost", async () => {
    let alphaIsThere = true;
    const gone = new RehomeError("connection-lost", "gone");
    const alpha = new FakeHost("alpha").on(/^cibadmin/, () => (alphaIsThere ? writeXml(bareCib("qdevice")) : gone));
    const beta = member("beta", bareCib("qdevice"), undefined);
    const cluster = pacemakerCluster([
      {
        name: "alpha",
        connect: () =>
          alphaIsThere ? Promise.resolve(alpha) : Promise.reject(new RehomeError("host-unreachable", "off")),
      },
      { name: "beta", connect: () => Promise.resolve(beta) },
    ]);
    await cluster.read();
    alphaIsThere = false;
    const keeper = await cluster.keeper();
    assert.deepEqual([keeper?.node, keeper?.kind === "pacemaker" && keeper.unreached], ["beta", ["alpha: off"]]);
  });
});
