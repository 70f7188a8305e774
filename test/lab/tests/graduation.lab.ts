import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { delay } from "../../../src/lib/delay.js";
import { runChecked } from "../../../src/lib/host/run.js";
import type { HostProcess } from "../../../src/lib/host/types.js";
import { startNamespaceCluster, type NamespaceCluster, type NamespaceNode } from "../namespaces/cluster.js";
import { ENVIRONMENT, REHOME, rehomeOn } from "../namespaces/commands.js";
import { eventually } from "./eventually.js";

const LIMIT_MS = 90_000;

/** The bundled runtime of alpha, with a CIB of its own. */
interface Runtime {
  readonly state: string;
  readonly process: HostProcess;
  readonly log: () => string;
}

/** A daemon that must not be restarted, a group with what follows it, a promoted clone, and one that is off. */
function resources(name: string): string {
  const dummy = (id: string, role = ""): string =>
    `<primitive id="${id}" class="ocf" provider="pacemaker" type="Dummy">${role}<operations>
       <op id="${id}-monitor" name="monitor" interval="2s" timeout="20s"/></operations></primitive>`;
  const stopped = `<meta_attributes id="${name}-off-meta"><nvpair id="${name}-off-role" name="target-role" value="Stopped"/></meta_attributes>`;
  return `
    <primitive id="${name}" class="ocf" provider="heartbeat" type="anything">
      <instance_attributes id="${name}-ia">
        <nvpair id="${name}-bin" name="binfile" value="/usr/bin/sleep"/>
        <nvpair id="${name}-options" name="cmdline_options" value="86400"/>
      </instance_attributes>
      <operations><op id="${name}-monitor" name="monitor" interval="3s" timeout="20s"/></operations>
    </primitive>
    <group id="${name}-group">${dummy(`${name}-one`)}${dummy(`${name}-two`)}</group>
    <clone id="${name}-disk">
      <meta_attributes id="${name}-disk-meta"><nvpair id="${name}-disk-p" name="promotable" value="true"/></meta_attributes>
      <primitive id="${name}-state" class="ocf" provider="pacemaker" type="Stateful">
        <operations>
          <op id="${name}-state-p" name="monitor" interval="5s" timeout="20s" role="Promoted"/>
          <op id="${name}-state-u" name="monitor" interval="6s" timeout="20s" role="Unpromoted"/>
        </operations>
      </primitive>
    </clone>
    ${dummy(`${name}-off`, stopped)}`;
}

function cibOf(name: string): string {
  return `<cib validate-with="pacemaker-3.9" crm_feature_set="3.16.1" epoch="1" num_updates="0" admin_epoch="0">
    <configuration>
      <crm_config><cluster_property_set id="cib-bootstrap-options">
        <nvpair id="opt-stonith" name="stonith-enabled" value="false"/>
        <nvpair id="opt-quorum" name="no-quorum-policy" value="ignore"/>
      </cluster_property_set></crm_config>
      <nodes><node id="1" uname="alpha"/></nodes>
      <resources>${resources(name)}</resources>
      <constraints>
        <rsc_colocation id="${name}-with" rsc="${name}-group" with-rsc="${name}" score="INFINITY"/>
        <rsc_order id="${name}-after" first="${name}" then="${name}-group"/>
        <rsc_colocation id="${name}-primary" rsc="${name}" with-rsc="${name}-disk" with-rsc-role="Promoted" score="INFINITY"/>
      </constraints>
      <rsc_defaults><meta_attributes id="rsc-options">
        <nvpair id="rsc-stickiness" name="resource-stickiness" value="0"/>
      </meta_attributes></rsc_defaults>
    </configuration><status/></cib>`;
}

describe("rehome cluster graduate in namespaces", () => {
  let cluster: NamespaceCluster;
  let alpha: NamespaceNode;
  let folder: string;
  let count = 0;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "rehome-graduate-"));
    cluster = await startNamespaceCluster(["alpha", "beta", "arb"]);
    alpha = cluster.nodes[0]!;
    await eventually(LIMIT_MS, async () => {
      assert.match((await rehomeOn(alpha, "cluster status")).stdout, /; quorum \(3 of 3 votes\)$/m);
    });
    for (const [type, name, value] of [
      ["rsc_defaults", "resource-stickiness", "200"],
      ["op_defaults", "timeout", "60s"],
    ] as const) {
      await runChecked(alpha.host, ["crm_attribute", "--type", type, "--name", name, "--update", value]);
    }
    await runChecked(alpha.host, [
      ...["cibadmin", "--create", "--scope", "resources", "--xml-text"],
      '<primitive id="other" class="ocf" provider="pacemaker" type="Dummy"/>',
    ]);
  });
  after(async () => {
    await cluster.close();
    await rm(folder, { recursive: true });
  });

  /** Starts a runtime on alpha with resources that begin with `name`, and waits until they run. */
  async function runtime(name: string, ...flags: readonly string[]): Promise<Runtime> {
    count += 1;
    const state = join(folder, `state-${count}`);
    await mkdir(state);
    await writeFile(join(state, "cib.xml"), cibOf(name), { mode: 0o600 });
    let text = "";
    const argv = [process.execPath, REHOME, "runtime", "--state", state, ...flags];
    const child = await alpha.host.start(argv, { env: ENVIRONMENT });
    child.stdout.on("data", (data: Buffer) => (text += data.toString()));
    child.stderr.on("data", (data: Buffer) => (text += data.toString()));
    await eventually(LIMIT_MS, async () => {
      const { stdout } = await rehomeOn(alpha, "cluster status", "--state", state);
      for (const id of [name, `${name}-one`, `${name}-two`]) {
        assert.match(stdout, new RegExp(`^ *${id} +\\S+ +running on alpha`, "m"), text);
      }
      assert.match(stdout, new RegExp(`${name}-state +\\S+ +promoted on alpha`), text);
    });
    return { state, process: child, log: () => text };
  }

  /** Ends a runtime as systemd would. @returns its exit code */
  async function end({ state, process: child }: Runtime): Promise<number> {
    await runChecked(alpha.host, ["pkill", "-TERM", "-f", `runtime --state ${state}`]);
    return child.exited;
  }

  /** What would be another one after a restart: the daemon's process, and the moments at which the others were started. */
  async function traces(name: string): Promise<string> {
    const pid = await runChecked(alpha.host, ["cat", `/run/anything_${name}.pid`]);
    const command = await runChecked(alpha.host, ["cat", `/proc/${pid.trim()}/cmdline`]);
    assert.match(command, /sleep/);
    const files = [`${name}-one`, `${name}-two`].map((id) => `/run/Dummy-${id}.state`);
    return pid + (await runChecked(alpha.host, ["stat", "--format", "%n %i %y", ...files]));
  }

  async function graduate(state: string, ...flags: readonly string[]): ReturnType<typeof rehomeOn> {
    return rehomeOn(alpha, "cluster graduate", "--state", state, ...flags);
  }

  async function located(id: string): Promise<string> {
    const { stdout, stderr } = await alpha.host.run(["crm_resource", "--resource", id, "--locate"]);
    return stdout.trim() === "" ? stderr.trim() : stdout.trim();
  }

  async function requireGraduated(name: string, state: string, before: string): Promise<void> {
    assert.equal(await traces(name), before, "nothing was restarted");
    assert.equal(await located(name), `resource ${name} is running on: alpha`);
    assert.equal(await located(`${name}-disk`), `resource ${name}-disk is running on: alpha Promoted`);
    assert.match(await located(`${name}-off`), /NOT running/);
    const history = await runChecked(alpha.host, ["cibadmin", "--query", "--scope", "status"]);
    for (const id of [name, `${name}-one`, `${name}-two`, `${name}-state`]) {
      assert.doesNotMatch(history, new RegExp(`operation_key="${id}_(start|stop|promote|demote)_0"`), id);
    }
    assert.equal(existsSync(join(state, "cib.xml")), false, "the runtime has nothing to keep any more");
    const kept = (await readdir(join(state, "graduate"))).filter((file) => file.startsWith("cib-"));
    assert.equal(kept.length, 1);
  }

  it("shows what would be done, and changes nothing", async () => {
    const dry = await runtime("dry");
    const { state } = dry;
    const ran = await graduate(state, "--dry-run");
    assert.equal(ran.exitCode, 0, ran.stdout + ran.stderr);
    assert.match(ran.stdout, /^the runtime \(process \d+\) ends, its resources go on$/m);
    assert.match(ran.stdout, /^running, and must not be touched: dry, dry-one, dry-two, dry-state$/m);
    assert.match(ran.stdout, /^left out: property no-quorum-policy=ignore \(it is the cluster's own matter\)$/m);
    assert.match(ran.stdout, /^left out: default \(rsc_defaults\) resource-stickiness=0 \(the cluster has 200\)$/m);
    assert.deepEqual(
      ran.stdout.split("\n").filter((line) => line.length > 80),
      [],
    );
    assert.match(await located("dry"), /NOT running|not found|No such/i);
    assert.equal(await end(dry), 0);
    assert.match(dry.log(), /alpha: offline\n$/);
  });

  it("hands running resources over without a restart, and Pacemaker keeps them", async () => {
    const { state, process: child } = await runtime("web");
    const before = await traces("web");
    const ran = await graduate(state, "--yes");
    assert.equal(ran.exitCode, 0, ran.stdout + ran.stderr);
    assert.match(ran.stdout, /Pacemaker keeps web, .* now; nothing was restarted/);
    assert.equal(await child.exited, 0, "the runtime ended in order");
    await requireGraduated("web", state, before);

    await runChecked(alpha.host, ["rm", "/run/Dummy-web-two.state"]);
    await eventually(LIMIT_MS, async () => {
      await runChecked(alpha.host, ["test", "-e", "/run/Dummy-web-two.state"]);
    });
    const again = await graduate(state, "--yes");
    assert.equal(again.exitCode, 0, again.stderr);
    assert.match(again.stdout, /^nothing to do: Pacemaker has it already; what the runtime had is kept in /);
  });

  it("refuses while something stands in the way, and leaves the runtime to its work", async () => {
    const other = await runtime("other", "--stop-resources");
    const { state } = other;
    const before = await traces("other");
    const ran = await graduate(state, "--yes");
    assert.equal(ran.exitCode, 5, ran.stdout + ran.stderr);
    assert.match(ran.stderr, /^ {2}\| the cluster has another "other" already$/m);
    assert.match(ran.stderr, /^ {2}\| the runtime \(process \d+\) was started with --stop-resources/m);
    assert.equal(await traces("other"), before);
    assert.equal(existsSync(join(state, "cib.xml")), true);
    assert.equal(await end(other), 0);
  });

  it("does not let Pacemaker manage what it does not find as it was left", async () => {
    const lost = await runtime("lost");
    const { state } = lost;
    assert.equal(await end(lost), 0);
    await runChecked(alpha.host, ["rm", "/run/Dummy-lost-two.state"]);
    const ran = await graduate(state, "--yes");
    assert.equal(ran.exitCode, 9, ran.stdout + ran.stderr);
    assert.match(
      ran.stderr,
      /was left running, and does not run any more.*\[graduate-halted\]\n {2}\| lost-two on alpha\n/,
    );
    assert.match(await located("lost"), /running on: alpha/);
    await delay(3000);
    await assert.rejects(runChecked(alpha.host, ["test", "-e", "/run/Dummy-lost-two.state"]), "nobody manages it");
    const again = await graduate(state, "--yes", "--start-lost");
    assert.equal(again.exitCode, 0, again.stdout + again.stderr);
    await eventually(LIMIT_MS, async () => assert.match(await located("lost-two"), /running on: alpha/));
  });

  describe("killed at a step, it goes on", () => {
    for (const step of ["end-runtime", "set-aside", "load", "probe", "foresee", "manage", "settle", "archive"]) {
      it(step, async () => {
        const name = `cut-${step}`;
        const { state, process: child } = await runtime(name);
        const before = await traces(name);
        const argv = [process.execPath, REHOME, "cluster", "graduate", "--state", state, "--yes"];
        const first = await alpha.host.start(argv, { env: ENVIRONMENT });
        first.stdout.resume();
        first.stderr.resume();
        const over = { yet: false };
        const ended = first.exited.finally(() => (over.yet = true));
        const journal = join(state, "graduate/journal.jsonl");
        while (
          !over.yet &&
          !(await readFile(journal, "utf8").catch(() => "")).includes(`"step":"${step}","state":"begun"`)
        ) {
          await delay(5);
        }
        await runChecked(alpha.host, ["pkill", "-KILL", "-f", `cluster graduate --state ${state}`]);
        assert.notEqual(await ended, 0);
        assert.equal(await traces(name), before);
        const second = await graduate(state, "--yes");
        assert.equal(second.exitCode, 0, second.stdout + second.stderr);
        await requireGraduated(name, state, before);
        await child.exited;
      });
    }
  });
});
