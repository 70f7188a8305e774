import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmod, copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rehome } from "../helpers/rehome.js";

const FIXTURE = "test/fixtures/cibs/two-nodes.xml";

interface Failed {
  readonly error: { readonly code: string; readonly message: string };
}

describe("the administrator's commands of a cluster", () => {
  let folder: string;
  let cib: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "rehome-cluster-"));
    cib = join(folder, "cib.xml");
    await copyFile(FIXTURE, cib);
  });
  afterEach(() => rm(folder, { recursive: true }));

  const run = (command: string, ...argv: string[]): ReturnType<typeof rehome> =>
    rehome(`cluster ${command}`, ...argv, "--state", folder);
  const constraints = async (): Promise<readonly string[]> =>
    (await readFile(cib, "utf8")).match(/<rsc_location .*?>/g) ?? [];

  for (const command of ["verify", "configure load", "configure diff", "simulate --cib"]) {
    it(`${command} says why a file cannot be read, and what to do`, async () => {
      const [name = "", ...flags] = command.split(" --");
      const ran = await run(name, ...flags.map((flag) => `--${flag}`), "/no/such/file.xml");
      assert.equal(ran.status, 1);
      assert.match(
        ran.stderr,
        /^\/no\/such\/file\.xml: cannot read the CIB: no such file or directory \[file-unreadable\]\n {2}→ name a file/,
      );
    });
  }

  it("status does not call stopped what nobody looks after", async () => {
    await writeFile(cib, (await readFile(cib, "utf8")).replaceAll('crmd="online"', 'crmd="offline"'));
    const ran = await run("status");
    assert.match(ran.stdout, /no runtime is running: what is shown may be out of date$/m);
    assert.match(ran.stdout, /^web +\S+ +unknown$/m);
  });

  it("add takes a guest that is registered without its domain XML, and then nothing else about it", async () => {
    const config = join(folder, "rehome.yaml");
    await writeFile(config, "version: 1\n");
    const registered = await rehome("cluster add", "web1", "--config", config);
    assert.match(registered.stderr, /cluster-undescribed/); // not that the XML is missing
    const more = await rehome("cluster add", "web1", "--stopped", "--config", config);
    assert.equal(more.status, 2);
    assert.match(more.stderr, /--domain/);
  });

  describe("simulate", () => {
    it("shows what is done in its order and where everything is afterwards, in 80 columns", async () => {
      const ran = await run("simulate", "--node-fail", "n1");
      assert.equal(ran.status, 0, ran.stderr);
      assert.match(ran.stdout, /^ {3}1 {2}fence n1 \(reboot\)$/m);
      assert.match(ran.stdout, /^ {3}2 {2}start g1 on n2$/m);
      assert.match(ran.stdout, /^ {3}3 {2}start g2 on n2$/m);
      assert.match(ran.stdout, /^\* n1 +online +offline$/m);
      assert.match(ran.stdout, /^\* ms\/st +promoted n1, unpromoted n2 +promoted n2$/m);
      assert.match(ran.stdout, /^ {2}web +started n2 +started n2$/m);
      assert.deepEqual(
        ran.stdout.split("\n").filter((line) => line.length > 80),
        [],
      );
      assert.equal(await readFile(cib, "utf8"), await readFile(FIXTURE, "utf8"));
    });

    it("goes on after a failure until nothing is left to do", async () => {
      const ran = await run("simulate", "--fail", "web", "--op-fail", "web_start_0@n2=1", "--json");
      const found = JSON.parse(ran.stdout) as {
        readonly settled: boolean;
        readonly actions: object;
        readonly placement: Record<string, unknown>;
        readonly then: readonly { readonly placement: Record<string, readonly { nodes: readonly string[] }[]> }[];
      };
      assert.equal(found.settled, true);
      assert.ok("rsc:web_start_0@n2" in found.actions);
      assert.deepEqual(
        found.then.at(-1)!.placement["web"]!.map(({ nodes }) => nodes),
        [["n1"]],
      );
    });

    it("supposes standby, lost quorum, attributes, utilization and a time", async () => {
      const standby = await run("simulate", "--standby", "n1");
      assert.match(standby.stdout, /^\* n1 +online +online, standby$/m);
      const quorum = await run("simulate", "--no-quorum");
      assert.match(quorum.stdout, /^\* web +started n2 +stopped$/m);
      const attribute = await run("simulate", "--set", "n2:master-st=50");
      assert.match(attribute.stdout, /promote st on n2/);
      const others = ["--utilization", "n1:cpu=4", "--at", "@1800000000", "--stop", "g", "--start", "web"];
      assert.match((await run("simulate", ...others)).stdout, /^\* g\/g1 +started n1 +stopped$/m);
    });

    it("writes the graph, draws it, and saves the CIB as it would be", async () => {
      const [dot, svg, saved] = ["plan.dot", "plan.svg", "after.xml"].map((name) => join(folder, name));
      const path = process.env["PATH"];
      const ran = await run("simulate", "--node-down", "n1", "--dot", dot!, "--save", saved!);
      assert.equal(ran.status, 0, ran.stderr);
      assert.match(await readFile(dot!, "utf8"), /^digraph transition \{\n[^]*a\d+ -> a\d+;\n\}\n$/);
      const again = await rehome("cluster simulate", "--cib", saved!);
      assert.match(again.stdout, /^nothing is to be done$/m);
      try {
        process.env["PATH"] = folder;
        const without = await run("simulate", "--svg", svg!, "--json");
        assert.deepEqual([without.status, (JSON.parse(without.stdout) as Failed).error.code], [6, "tool-missing"]);
        await writeFile(join(folder, "dot"), "#!/bin/sh\n[ \"$1\" = -Tsvg ] && echo '<svg>' && exec /bin/cat\n");
        await chmod(join(folder, "dot"), 0o755);
        assert.equal((await run("simulate", "--svg", svg!)).status, 0);
        assert.match(await readFile(svg!, "utf8"), /^<svg>\ndigraph transition/);
      } finally {
        process.env["PATH"] = path;
      }
    });

    for (const [argv, status, message] of [
      [["--node-fail", "n9"], 3, /no node "n9" in the CIB \[node-unknown\]/],
      [["--fail", "nope"], 3, /no primitive "nope" in the CIB \[resource-unknown\]/],
      [["--fail", "fence"], 2, /"fence" has no recurring monitor/],
      [["--op-fail", "web"], 2, /"web" is not RESOURCE_TASK_INTERVAL@NODE=RC \[usage\]/],
      [["--set", "n1"], 2, /"n1" is not NODE:NAME=VALUE \[usage\]/],
      [["--at", "yesterday"], 2, /"yesterday" is no date and time \[usage\]/],
    ] as const) {
      it(`refuses ${argv.join(" ")}`, async () => {
        const ran = await run("simulate", ...argv);
        assert.equal(ran.status, status);
        assert.match(ran.stderr, message);
      });
    }
  });

  describe("move and clear", () => {
    it("--dry-run shows what else would move, and changes nothing", async () => {
      const ran = await run("move", "web", "n1", "--dry-run");
      assert.match(ran.stdout, /web would go from started n2 to started n1/);
      assert.match(ran.stdout, /g\/g1 would go from started n1 to started n2/);
      assert.deepEqual(await constraints(), []);
    });

    it("writes the constraints of crm_resource, and clears them", async () => {
      assert.equal((await run("move", "g2", "n2")).status, 0);
      assert.equal((await run("move", "web")).status, 0);
      assert.equal((await run("move", "ms", "n2")).status, 0);
      assert.deepEqual(await constraints(), [
        '<rsc_location id="cli-prefer-g" rsc="g" role="Started" node="n2" score="INFINITY"/>',
        '<rsc_location id="cli-ban-web-on-n2" rsc="web" role="Started" node="n2" score="-INFINITY"/>',
        '<rsc_location id="cli-prefer-ms" rsc="ms" role="Promoted" node="n2" score="INFINITY"/>',
      ]);
      for (const argv of [["g"], ["web", "n2"], ["ms"]]) assert.equal((await run("clear", ...argv)).status, 0);
      assert.deepEqual(await constraints(), []);
      assert.match((await run("clear", "web")).stdout, /^nothing to do:/);
    });

    it("ends by itself after its lifetime, as Pacemaker understands it", async function () {
      assert.equal((await run("move", "web", "n1", "--lifetime", "2h")).status, 0);
      assert.match((await run("simulate")).stdout, /^\* web +started n2 +started n1$/m);
      const later = `@${Math.floor(Date.now() / 1000) + 3 * 3600}`;
      assert.match((await run("simulate", "--at", later)).stdout, /^nothing is to be done$/m);
      const verified = spawnSync("crm_verify", ["-x", cib]);
      if (verified.error === undefined) assert.equal(verified.status, 0, String(verified.stderr));
    });

    for (const [argv, status, message] of [
      [["move", "web", "n2"], 5, /"web" is on n2 already \[resource-stays\]/],
      [["move", "web", "n9"], 3, /no node "n9" in the CIB \[node-unknown\]/],
      [["move", "nope", "n1"], 3, /no resource "nope" in the CIB \[resource-unknown\]/],
      [["clear", "nope"], 3, /no resource "nope" in the CIB \[resource-unknown\]/],
      [["promote", "web"], 2, /"web" has no promoted role: it is no promotable clone \[usage\]/],
      [["promote", "ms"], 5, /"ms" is promoted on n1 already \[resource-stays\]/],
    ] as const) {
      it(`${argv.join(" ")} is refused`, async () => {
        const [command, ...rest] = argv;
        const ran = await run(command, ...rest);
        assert.equal(ran.status, status);
        assert.match(ran.stderr, message);
        assert.deepEqual(await constraints(), []);
      });
    }

    it("refuses to leave a resource without a node, unless it is forced", async () => {
      await run("standby", "n1");
      const ran = await run("move", "web", "--json");
      assert.equal(ran.status, 5);
      const { error } = JSON.parse(ran.stdout) as Failed;
      assert.match(error.message, /no other node may run "web": it would be stopped/);
      assert.equal((await run("move", "web", "--force")).status, 0);
      assert.equal((await constraints()).length, 1);
    });
  });

  it("demote and promote ask for a role, and say what becomes of it", async () => {
    const demoted = await run("demote", "ms");
    assert.match(demoted.stdout, /ms\/st goes from promoted n1, unpromoted n2 to unpromoted n1, unpromoted n2/);
    assert.match(await readFile(cib, "utf8"), /name="target-role" value="Unpromoted"/);
    const promoted = await run("promote", "ms", "--json");
    const { moves, changed } = JSON.parse(promoted.stdout) as { changed: boolean; moves: readonly { name: string }[] };
    assert.deepEqual([changed, moves.map(({ name }) => name)], [true, ["ms/st"]]);
  });
});
