import assert from "node:assert/strict";
import { fenceOutlook, fenceTest } from "../../../src/cluster/setup/fence-test.js";
import { recordFenced, untestedMembers } from "../../../src/cluster/setup/fence-record.js";
import { configureCluster } from "../../../src/cluster/setup/cib/base.js";
import { hostsOf } from "../../../src/cluster/setup/members.js";
import type { ClusterSession } from "../../../src/cluster/setup/session.js";
import { RehomeError } from "../../../src/lib/errors.js";
import { silentReport, type Note } from "../../../src/lib/report.js";
import { parseXml, writeXml, type XmlElement } from "../../../src/lib/xml.js";
import { FakeHost } from "../../helpers/fake-host.js";
import { bareCib, CAPACITIES } from "./cib.js";
import { exampleCluster } from "./example.js";

const MEMBERS = hostsOf(exampleCluster());
const configured = (): XmlElement => configureCluster(exampleCluster(), CAPACITIES)(bareCib("qdevice"));

/** Two members with a CIB; what fencing does to the first is for the test to say. */
class World {
  cib = writeXml(configured());
  boot = "boot-1";
  readonly alpha = new FakeHost("alpha").on(["cat", "/proc/sys/kernel/random/boot_id"], () => `${this.boot}\n`);
  readonly beta = new FakeHost("beta")
    .on(["cibadmin", "--query"], () => this.cib)
    .on(/^sh .*cibadmin --patch/s, ({ argv, input }) => {
      this.cib = input.subarray(Number(argv[4])).toString();
      return "";
    });
  answers = 0;

  session(): ClusterSession {
    return {
      cluster: exampleCluster(),
      passwords: new Map(),
      connections: {
        hosts: new Map([
          ["alpha", this.alpha],
          ["beta", this.beta],
        ]),
        unreachable: [],
        close: () => Promise.resolve(),
      },
      proven: new Set(),
      exclusively: (_, work) => work({ append: () => Promise.resolve() }),
      close: () => Promise.resolve(),
    };
  }

  /** How often the machine does not answer. */
  silence = 1;
  readonly notes: string[] = [];

  test(timeoutMs = 30_000, patienceMs?: number): ReturnType<typeof fenceTest> {
    const report = { ...silentReport, note: ({ text }: Note) => void this.notes.push(text) };
    const patience = patienceMs === undefined ? {} : { patienceMs };
    const connect = (): Promise<FakeHost> => {
      this.answers += 1;
      if (this.answers <= this.silence) return Promise.reject(new RehomeError("host-unreachable", "no route"));
      return Promise.resolve(this.alpha);
    };
    return fenceTest(this.session(), "alpha", { connect, report, timeoutMs, ...patience });
  }
}

describe("rehome cluster fence-test", () => {
  it("fences through the cluster, and records that the machine booted anew", async () => {
    const world = new World();
    world.beta.on(/^stonith_admin --reboot alpha/, () => {
      world.boot = "boot-2";
      return "";
    });
    const result = await world.test();
    assert.deepEqual([result.fencedBy, result.untested], ["beta", ["beta"]]);
    assert.ok(result.backMs >= result.fencedMs);
  });

  it("has a machine switched on, once, that was left off", async () => {
    const world = new World();
    world.silence = Number.POSITIVE_INFINITY;
    world.beta
      .on(/^stonith_admin --reboot alpha/, "") // taken for "off" by a fencer that does not know its agent yet
      .on(/^stonith_admin --unfence alpha/, () => {
        world.boot = "boot-2";
        world.silence = world.answers + 1;
        return "";
      });
    await world.test(30_000, 0);
    assert.equal(world.beta.commandLines.filter((line) => line.includes("--unfence")).length, 1);
    assert.deepEqual(world.notes, ["alpha was silent for long, and beta made sure that it is on"]);
  });

  it("says that a machine cannot be switched on, and goes on waiting", async () => {
    const world = new World();
    world.silence = 2;
    world.beta
      .on(/^stonith_admin --reboot alpha/, () => {
        world.boot = "boot-2";
        return "";
      })
      .on(/^stonith_admin --unfence alpha/, { exitCode: 194, stderr: "No such device\n" });
    await world.test(30_000, 0);
    assert.deepEqual(world.notes, ["alpha was silent for long, and beta could not switch it on: No such device"]);
  });

  it("fails when the machine was never off", async () => {
    const world = new World();
    world.beta.on(/^stonith_admin/, "");
    await assert.rejects(world.test(), { code: "fence-ineffective" });
    assert.deepEqual(untestedMembers(parseXml(world.cib, "cib"), MEMBERS), ["alpha", "beta"]);
  });

  it("fails with what the fencer said", async () => {
    const world = new World();
    world.beta.on(/^stonith_admin/, { exitCode: 194, stderr: "No route to host\n" });
    await assert.rejects(world.test(), (error: RehomeError) => {
      assert.equal(error.code, "fence-failed");
      assert.match(error.output ?? "", /No route to host/);
      return true;
    });
  });

  it("gives up on a machine that does not come back", async () => {
    const world = new World();
    world.beta.on(/^stonith_admin/, "");
    await assert.rejects(world.test(0), { code: "command-timeout" });
  });

  it("is not begun while a member is away, or for one that is none", async () => {
    const world = new World();
    world.cib = world.cib.replace('crmd="online"', 'crmd="offline"');
    await assert.rejects(fenceOutlook(world.session(), "alpha"), (error: RehomeError) => {
      assert.equal(error.code, "fence-unsafe");
      assert.match(error.message, /alpha/);
      return true;
    });
    await assert.rejects(fenceOutlook(world.session(), "arb"), { code: "node-unknown" });
  });
});

describe("the record of a test", () => {
  it("holds until the fencing device is another one", () => {
    const tested = recordFenced("alpha", new Date())(configured());
    assert.deepEqual(untestedMembers(tested, MEMBERS), ["beta"]);
    const moved = parseXml(writeXml(tested).replaceAll("10.0.0.201", "10.0.0.209"), "moved");
    assert.deepEqual(untestedMembers(moved, MEMBERS), ["alpha", "beta"]);
    assert.deepEqual(untestedMembers(undefined, MEMBERS), ["alpha", "beta"]);
  });

  it("is left alone by init", () => {
    const tested = recordFenced("alpha", new Date())(configured());
    assert.equal(configureCluster(exampleCluster(), CAPACITIES)(tested), tested);
  });
});
