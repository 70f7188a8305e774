import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clusterNodes } from "../../../src/cluster/control.js";
import { canonicalForm, type Canonical } from "../../../src/cluster/simulation/canonical.js";
import { injectionsOf, plannedFailures, type Suppositions } from "../../../src/cluster/simulation/request.js";
import { whatIf } from "../../../src/cluster/simulation/what-if.js";
import { parseXml } from "../../../src/lib/xml.js";
import { compare, differences, identities, places } from "../../conformance/compare.js";
import { hasCrmSimulate } from "../../helpers/crm-simulate.js";

const SUITE = "../shared/pacemaker-suite";
const CANON = "../shared/tools/pacemaker_canon.py";
const FIXTURE = "test/fixtures/cibs/two-nodes.xml";

/** Of many kinds; each with the first node of the CIB. */
const CASES = [
  ...["simple2", "group5", "date-1", "order-mandatory", "promoted-0", "promoted-stop", "interleave-stop", "rec-node-2"],
  ...["migrate-1", "utilization", "placement-priority", "stonith-0", "target-1", "ticket-primitive-1", "bug-lf-2106"],
].filter((name) => existsSync(join(SUITE, "cib", `${name}.xml`)));

interface Supposed {
  readonly what: Suppositions;
  readonly opFail?: string;
  readonly crm: readonly string[];
}

function suppositions(node: string): readonly Supposed[] {
  return [
    { what: { nodeDown: [node] }, crm: ["-d", node] },
    { what: { nodeFail: [node] }, crm: ["-f", node] },
  ];
}

/** What the simulation makes of a CIB and what crm_simulate makes of it agree in placement, actions and their order. */
async function assertSame(file: string, { what, opFail, crm }: Supposed): Promise<void> {
  const now = Math.floor(Date.now() / 1000) * 1000;
  const time = `${new Date(now).toISOString().slice(0, 19).replace("T", " ")}Z`;
  const printed = execFileSync("python3", [CANON, "--run", file, "-t", time, ...crm], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const expected = JSON.parse(printed.toString()) as Canonical;
  const simulation = await whatIf(parseXml(readFileSync(file, "utf8"), file), {
    injections: injectionsOf(what, now),
    failures: plannedFailures(opFail === undefined ? [] : [opFail]),
    now,
  });
  assert.deepEqual(simulation.unsupported, []);
  const actual = canonicalForm(simulation.decided, simulation.rounds[0]?.after ?? simulation.after);
  const levels = compare(expected, actual);
  const unlike = [
    ...differences(places(expected), places(actual)),
    ...differences(identities(expected), identities(actual)),
  ];
  assert.ok(levels.L1 && levels.L2 && levels.L3, `${crm.join(" ")}\n${unlike.join("\n")}`);
}

describe("a simulation against crm_simulate", function () {
  this.timeout(120_000);
  before(function () {
    if (hasCrmSimulate() && existsSync(CANON)) return;
    console.log("      skipped: crm_simulate (pacemaker-cli-utils) or the conformance tools are not here");
    this.skip();
  });

  for (const name of CASES) {
    it(`${name}, with its first node down and lost`, async () => {
      const file = join(SUITE, "cib", `${name}.xml`);
      const [node] = clusterNodes(parseXml(readFileSync(file, "utf8"), file));
      for (const supposed of suppositions(node!.name)) await assertSame(file, supposed);
    });
  }

  it("an operation that found something else than expected", async () => {
    const found = "g1_monitor_0@n2=0";
    await assertSame(FIXTURE, { what: { opInject: [found] }, crm: ["-i", found] });
  });

  it("an operation that fails on the way", async () => {
    // Nothing else is under way: crm_simulate begins one operation after the other, and none after a failure.
    const stopped = '<meta_attributes id="w"><nvpair id="wt" name="target-role" value="Stopped"/></meta_attributes>';
    await withCib(
      (text) => text.replace(/<group id="g">/, `$&${stopped}`),
      async (file) => {
        const failing = "g2_stop_0@n1=1";
        await assertSame(file, { what: {}, opFail: failing, crm: ["-F", failing] });
      },
    );
  });

  it("lost quorum", async () => {
    // Debian's crm_simulate takes --quorum and does not heed it: it is given a CIB without quorum.
    await withCib(
      (text) => text.replace('have-quorum="1"', 'have-quorum="0"'),
      async (file) => {
        await assertSame(file, { what: {}, crm: [] });
        await assertSame(file, { what: { quorum: false }, crm: [] });
      },
    );
  });
});

/** The fixture, changed, in a file of its own. */
async function withCib(change: (text: string) => string, work: (file: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "rehome-simulation-"));
  try {
    const file = join(folder, "cib.xml");
    writeFileSync(file, change(readFileSync(FIXTURE, "utf8")));
    await work(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
