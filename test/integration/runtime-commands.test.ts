import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clusterPaths, type ClusterPaths } from "../../src/cluster/paths.js";
import { localHost } from "../../src/lib/host/local-host.js";
import { cibText } from "../cluster/runtime/daemon-helper.js";

const REHOME = join(import.meta.dirname, "../../bin/dev.js");
const NODE = "node1";

/** The commands as an administrator types them, with real agents. */
describe("rehome runtime and rehome cluster", function () {
  this.timeout(120_000);
  let folder: string;
  let paths: ClusterPaths;
  let runtime: ChildProcess | undefined;
  let log = "";
  const stateFile = () => join(folder, "web.state");

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "rehome-cmd-"));
    paths = clusterPaths(folder);
    await writeFile(
      paths.cib,
      cibText(`<primitive id="web" class="ocf" provider="pacemaker" type="Dummy">
        <instance_attributes id="ia"><nvpair id="st" name="state" value="${stateFile()}"/></instance_attributes>
        <operations><op id="mon" name="monitor" interval="1s" timeout="20s"/></operations></primitive>`),
    );
  });
  afterEach(async () => {
    if (runtime?.exitCode === null && runtime.signalCode === null) await end("SIGTERM");
    await rm(folder, { recursive: true });
  });

  function start(...flags: string[]): void {
    log = "";
    const child = spawn(process.execPath, [REHOME, "runtime", "--state", folder, "--node", NODE, ...flags], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stdout.on("data", (data: Buffer) => (log += data.toString()));
    child.stderr.on("data", (data: Buffer) => (log += data.toString()));
    runtime = child;
  }
  async function end(signal: NodeJS.Signals): Promise<number | null> {
    runtime!.kill(signal);
    const [code] = (await once(runtime!, "exit")) as [number | null];
    return code;
  }
  async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    const limit = Date.now() + 30_000;
    while (!(await holds())) {
      if (Date.now() > limit) throw new Error(`not in time: ${what}\n${log}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  const rehome = (...argv: string[]) =>
    localHost().run([process.execPath, REHOME, ...argv, "--state", folder], { env: { NODE_ENV: "production" } });
  const monitored = () => until("web is monitored", () => log.includes("web monitor every 1 s: ok"));

  it("keeps a resource, shows it, and stops and starts it when asked", async () => {
    start();
    await monitored();
    const status = await rehome("cluster", "status");
    assert.equal(status.exitCode, 0, status.stderr);
    assert.match(status.stdout, /runtime running \(process \d+\)/);
    assert.match(status.stdout, /web +ocf:pacemaker:Dummy +running on node1/);
    const json = JSON.parse((await rehome("cluster", "status", "--json")).stdout) as {
      nodes: { name: string; state: string }[];
    };
    assert.deepEqual(
      json.nodes.map(({ name, state }) => [name, state]),
      [[NODE, "online"]],
    );
    const stopped = await rehome("cluster", "stop", "web");
    assert.equal(stopped.stdout.trim(), "web is stopped", stopped.stderr);
    assert.equal(existsSync(stateFile()), false);
    const started = await rehome("cluster", "start", "web");
    assert.equal(started.stdout.trim(), "web is running on node1", started.stderr);
    assert.equal(existsSync(stateFile()), true);
    assert.equal(await end("SIGTERM"), 0);
    assert.equal(existsSync(stateFile()), true, "resources go on by default");
  });

  it("survives kill -9: the next one finds what runs and starts nothing twice", async () => {
    start();
    await monitored();
    await end("SIGKILL");
    start("--stop-resources");
    await until("found", () => log.includes("web found running"));
    await monitored();
    assert.equal(log.includes("web start"), false, log);
    assert.equal(await end("SIGTERM"), 0);
    assert.equal(existsSync(stateFile()), false, "stopped as asked");
  });

  it("says who keeps the CIB already", async () => {
    start();
    await monitored();
    const second = await rehome("runtime", "--node", NODE);
    assert.equal(second.exitCode, 8);
    assert.match(second.stderr, /already in use by rehome runtime of node1 \(process \d+\)/);
  });

  it("says that no runtime is running, and what to do", async () => {
    const start = await rehome("cluster", "start", "web");
    assert.equal(start.exitCode, 5);
    assert.match(start.stderr, /no runtime keeps this cluster \[runtime-not-running\]\n {2}→ start it/);
    const status = await rehome("cluster", "status");
    assert.match(status.stdout, /no runtime is running/);
    const unmanage = await rehome("cluster", "unmanage", "web");
    assert.match(unmanage.stdout, /will act on this when it is started/);
    assert.match(await readFile(paths.cib, "utf8"), /is-managed/);
  });

  it("loads another configuration only when it is sound, and keeps the status", async () => {
    start();
    await monitored();
    const bad = join(folder, "bad.xml");
    await writeFile(bad, "<cib>\n<configuration>\n");
    const refused = await rehome("cluster", "configure", "load", bad);
    assert.equal(refused.exitCode, 3);
    assert.match(refused.stderr, /bad\.xml:3: .*\[xml-malformed\]/);
    const dangling = join(folder, "dangling.xml");
    const text = await readFile(paths.cib, "utf8");
    await writeFile(
      dangling,
      text.replace(
        "<constraints/>",
        '<constraints><rsc_location id="l" rsc="gone" node="node1" score="1"/></constraints>',
      ),
    );
    const refusedToo = await rehome("cluster", "configure", "load", dangling);
    assert.equal(refusedToo.exitCode, 3);
    assert.match(refusedToo.stderr, /dangling\.xml:\d+: .*"gone"/);
    const good = join(folder, "good.xml");
    await writeFile(
      good,
      cibText("").replace(
        "</crm_config>",
        '<cluster_property_set id="more"><nvpair id="bl" name="batch-limit" value="1"/></cluster_property_set></crm_config>',
      ),
    );
    const diff = await rehome("cluster", "configure", "diff", good);
    assert.match(diff.stdout, /^- +<primitive id="web"/m);
    assert.match(diff.stdout, /^\+ +<nvpair id="bl"/m);
    const loaded = await rehome("cluster", "configure", "load", good);
    assert.equal(loaded.exitCode, 0, loaded.stderr);
    assert.match(loaded.stdout, /removed: web/);
    await until("the removed resource is stopped", () => !existsSync(stateFile()));
    const shown = await rehome("cluster", "configure", "show");
    assert.match(shown.stdout, /batch-limit/);
    assert.equal(shown.stdout.includes("<status"), false);
  });

  it("verifies a CIB, with Debian's crm_verify where it is installed", async () => {
    const fine = await rehome("cluster", "verify");
    assert.equal(fine.exitCode, 0, fine.stderr);
    await mkdir(join(folder, "x"));
    const odd = join(folder, "x", "odd.xml");
    await writeFile(
      odd,
      cibText(
        '<primitive id="a" class="ocf" provider="pacemaker" type="Dummy"><operations><op id="o" name="monitor" interval="1s"/><op id="p" name="monitor" interval="1s"/></operations></primitive>',
      ),
    );
    const found = await rehome("cluster", "verify", odd);
    assert.equal(found.exitCode, 3, found.stdout);
    assert.match(found.stderr, /duplicate/);
  });
});
