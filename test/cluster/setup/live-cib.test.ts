import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setProperty } from "../../../src/cluster/cib/edit.js";
import { pairValue, findPath, type Edit } from "../../../src/cluster/cib/tree.js";
import { versionOf } from "../../../src/cluster/cib/version.js";
import { changeLiveCib, readLiveCib, updateLiveCib } from "../../../src/cluster/pacemaker/live-cib.js";
import { configureCluster } from "../../../src/cluster/setup/cib/base.js";
import { localHost } from "../../../src/lib/host/local-host.js";
import type { Host } from "../../../src/lib/host/types.js";
import { bareCib, CAPACITIES } from "./cib.js";
import { exampleCluster } from "./example.js";
import { writeXml } from "../../../src/lib/xml.js";

/** Pacemaker's own tools on a CIB in a file: no daemon, everything else as on a member. */
function memberWith(path: string): Host {
  const host = localHost("alpha");
  return { ...host, run: (argv, options) => host.run(argv, { ...options, env: { ...options?.env, CIB_file: path } }) };
}

describe("the CIB of a running cluster", () => {
  let folder: string;
  let member: Host;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "rehome-live-"));
    writeFileSync(join(folder, "cib.xml"), writeXml(bareCib("qdevice")));
    member = memberWith(join(folder, "cib.xml"));
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  it("is configured, once", async () => {
    const edit = configureCluster(exampleCluster(), CAPACITIES);
    assert.equal(await changeLiveCib(member, edit), true);
    const cib = (await readLiveCib(member))!;
    assert.equal(edit(cib), cib);
    assert.equal(await changeLiveCib(member, edit), false);
  });

  it("keeps what somebody else changed since it was read", async () => {
    let first = true;
    const busy: Host = {
      ...member,
      async run(argv, options) {
        if (argv[0] === "sh" && first) {
          first = false;
          const other = ["crm_attribute", "--type", "crm_config", "--name", "stop-all-resources", "--update", "true"];
          assert.equal((await member.run(other)).exitCode, 0);
        }
        return member.run(argv, options);
      },
    };
    assert.equal(await changeLiveCib(busy, (cib) => setProperty(cib, "maintenance-mode", "true")), true);
    const config = findPath((await readLiveCib(member))!, ["configuration", "crm_config"])!;
    assert.equal(pairValue(config, "cluster_property_set", "maintenance-mode"), "true");
    assert.equal(pairValue(config, "cluster_property_set", "stop-all-resources"), "true");
  });

  it("is changed as it was seen a moment ago, by one program", async () => {
    const seen = (await readLiveCib(member))!;
    const asked: string[] = [];
    const counted: Host = {
      ...member,
      run: (argv, options) => {
        asked.push(argv[0] ?? "");
        return member.run(argv, options);
      },
    };
    const edit: Edit = (cib) => setProperty(cib, "maintenance-mode", "true");
    const { cib, changed } = await updateLiveCib(counted, edit, seen);
    assert.equal(changed, true);
    assert.equal(edit(cib), cib);
    assert.deepEqual(asked, ["sh"]);
    assert.equal(edit((await readLiveCib(member))!).attributes["epoch"], cib.attributes["epoch"]);
  });

  it("is read first after all when it is no more what was seen, be it the status alone", async () => {
    const others: Record<string, readonly string[]> = {
      "stop-all-resources": ["--type", "crm_config", "--name", "stop-all-resources", "--update", "true"],
      pingd: ["--type", "status", "--node", "alpha", "--name", "pingd", "--update", "1000"],
    };
    for (const [name, other] of Object.entries(others)) {
      const seen = (await readLiveCib(member))!;
      assert.equal((await member.run(["crm_attribute", ...other])).exitCode, 0);
      const bases: string[] = [];
      const edit: Edit = (cib) => {
        bases.push(versionOf(cib));
        return setProperty(cib, `probe-${name}`, "true");
      };
      const { cib, changed } = await updateLiveCib(member, edit, seen);
      assert.equal(changed, true);
      assert.ok(bases.length >= 3 && bases[1] !== bases[0], bases.join(" "));
      assert.match(writeXml(cib), new RegExp(`name="probe-${name}"`));
      assert.match(writeXml(cib), new RegExp(`name="${name}"`));
    }
  });

  it("stays as it is when only part of a change arrives, and says so", async () => {
    const before = await readLiveCib(member);
    for (const missing of [1, 500]) {
      const broken: Host = {
        ...member,
        run: (argv, options) =>
          member.run(argv, {
            ...options,
            ...(argv[0] === "sh" && { input: options?.input?.slice(0, -missing) ?? "" }),
          }),
      };
      await assert.rejects(
        changeLiveCib(broken, (cib) => setProperty(cib, "maintenance-mode", "true")),
        { code: "command-failed", where: { machine: "alpha" }, output: /only part of the CIB arrived/ },
      );
    }
    assert.deepEqual(await readLiveCib(member), before);
  });

  it("is not there where Pacemaker does not run", async () => {
    const dead = memberWith(join(folder, "none.xml"));
    assert.equal(await readLiveCib(dead), undefined);
    await assert.rejects(
      changeLiveCib(dead, (cib) => cib),
      { code: "runtime-unreachable" },
    );
  });
});
