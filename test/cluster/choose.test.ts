import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chooseCluster, withCluster, type ClusterChoice } from "../../src/cluster/choose.js";
import { setProperty } from "../../src/cluster/cib/edit.js";
import { withAttributes } from "../../src/cluster/cib/tree.js";
import { RehomeError } from "../../src/lib/errors.js";
import { writeXml } from "../../src/lib/xml.js";
import { FakeHost } from "../helpers/fake-host.js";
import { bareCib } from "./setup/cib.js";

describe("which cluster a command is about", () => {
  let folder: string;
  let config: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "rehome-choose-"));
    config = join(folder, "rehome.yaml");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function describeCluster(isDescribed: boolean): void {
    const bmc = { address: "192.0.2.1", user: "u", passwordFile: "/nowhere" };
    const cluster = {
      hosts: {
        alpha: { lan: "192.0.2.11", backplane: "10.255.0.11", bmc },
        beta: { lan: "192.0.2.12", backplane: "10.255.0.12", bmc },
      },
      arbitrator: { name: "arb", lan: "192.0.2.13" },
      gateways: ["192.0.2.1"],
    };
    const content = { version: 1, target: { state: join(folder, "state") }, ...(isDescribed && { cluster }) };
    writeFileSync(config, JSON.stringify(content));
  }
  const choice = (more: Partial<ClusterChoice> = {}): ClusterChoice => ({
    ...{ config, state: undefined, backend: undefined, acceptNewHostKey: false, client: "test" },
    ...more,
  });

  it("is the one of the configuration's hosts, asked one after the other", async () => {
    describeCluster(true);
    const asked: string[] = [];
    const connect: ClusterChoice["connect"] = (_, name) => {
      asked.push(name);
      if (name === "alpha") return Promise.reject(new RehomeError("auth-failed", "the key was refused"));
      return Promise.resolve(new FakeHost(name).on(["cibadmin", "--query"], writeXml(bareCib("qdevice"))));
    };
    await withCluster(choice({ connect }), async (cluster) => {
      assert.deepEqual([cluster.backend, cluster.name], ["pacemaker", "alpha, beta"]);
      assert.equal((await cluster.keeper())?.node, "beta");
    });
    assert.deepEqual(asked, ["alpha", "beta"]);
  });

  it("tells of every host why it could not be asked", async () => {
    describeCluster(true);
    const connect: ClusterChoice["connect"] = (_, name) =>
      name === "alpha"
        ? Promise.reject(new RehomeError("host-key-unknown", "its key is not known", { remedy: "look at it" }))
        : Promise.resolve(new FakeHost(name).on(["cibadmin", "--query"], { exitCode: 102 }));
    await assert.rejects(
      withCluster(choice({ connect }), (cluster) => cluster.read()),
      (error: RehomeError) => {
        assert.equal(error.code, "cluster-unreachable");
        assert.equal(error.output, "alpha: its key is not known (look at it)\nbeta: Pacemaker does not answer there");
        return true;
      },
    );
  });

  it("changes nothing without quorum", async () => {
    describeCluster(true);
    const host = new FakeHost("alpha").on(
      ["cibadmin", "--query"],
      writeXml(withAttributes(bareCib("qdevice"), { "have-quorum": "0" })),
    );
    const connect = (): Promise<FakeHost> => Promise.resolve(host);
    await withCluster(choice({ connect }), async (cluster) => {
      await assert.rejects(
        cluster.update((cib) => setProperty(cib, "maintenance-mode", "true")),
        { code: "no-quorum" },
      );
      assert.equal((await cluster.update((cib) => cib)).changed, false);
    });
    assert.equal(
      host.commandLines.some((line) => line.includes("--patch")),
      false,
    );
  });

  it("is the bundled runtime's where that is asked for, and where nothing says otherwise", async () => {
    describeCluster(true);
    assert.equal((await chooseCluster(choice({ state: folder }))).name, join(folder, "cib.xml"));
    assert.equal((await chooseCluster(choice({ backend: "bundled" }))).name, join(folder, "state", "cib.xml"));
    describeCluster(false);
    writeFileSync(join(folder, "cib.xml"), "");
    assert.equal((await chooseCluster(choice({ state: folder }))).backend, "bundled");
  });

  it("is refused where the flags contradict each other, and where there is none of the kind", async () => {
    await assert.rejects(chooseCluster(choice({ state: folder, backend: "pacemaker" })), { code: "usage" });
    describeCluster(false);
    await assert.rejects(chooseCluster(choice({ backend: "pacemaker" })), { code: "cluster-undescribed" });
  });
});
