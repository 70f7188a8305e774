import assert from "node:assert/strict";
import { formatDuration } from "../../../src/lib/units.js";
import { CUTOVER_STEPS, type CutoverResult } from "../../../src/migrators/cutover/index.js";
import type { GuestRecord, StepRecord } from "../../../src/migrators/guest-store.js";
import type { StageResult } from "../../../src/migrators/staging/index.js";
import type { GuestOverview } from "../../../src/migrators/status.js";
import { HOSTS } from "./cluster/configuration.js";
import { ClusterLab } from "./cluster/finished.js";
import { Move } from "./cluster/move.js";
import { eventually } from "./eventually.js";
import { askLedger } from "./ledger.js";

const log = (line: string): void => console.log(`      ${line}`);
const BOOT_MS = 20 * 60_000;
const HOURS = 3_600_000;
const GUEST = "web1";
const ADDRESS = "192.0.2.21";
/** Records of a stage after which it is killed, one run after the other: its plan, its passes, what follows changes. */
const STAGE_KILLED_AT = [1, 2, 3, 4];

describe("rehome killed at every step", () => {
  let cluster: ClusterLab;
  let move: Move;
  let last = 0;

  before(async () => {
    cluster = await ClusterLab.finished(log);
    move = await Move.ofDomains(cluster);
    await takeNumber();
  });
  after(() => cluster.close());

  /** Takes a number from the service, wherever it runs: each is on its disk before it is given out. */
  async function takeNumber(): Promise<void> {
    await eventually(BOOT_MS, async () => {
      const number = await askLedger(ADDRESS);
      assert.ok(number > last, `${number} was given out before: ${last} was the last`);
      last = number;
    });
  }

  /** Where a copy runs, by the hypervisors' own word. */
  async function running(): Promise<readonly string[]> {
    const found: string[] = [];
    if ((await cluster.machine("dom0").run(["xl", "list", GUEST])).exitCode === 0) found.push("dom0");
    for (const host of HOSTS) {
      const { stdout } = await cluster.machine(host).run(["virsh", "--quiet", "list", "--name"]);
      if (stdout.split("\n").includes(GUEST)) found.push(host);
    }
    return found;
  }

  /** At most one copy runs, it is the one that counts, and it is said what to type. */
  async function requireOneCopy(): Promise<void> {
    const { guests } = await move.run<{ readonly guests: readonly GuestOverview[] }>("status", GUEST);
    const [{ authoritative, because, next } = assert.fail("no status")] = guests;
    const where = await running();
    log(`  runs on ${where.join(" and ") || "none"}; ${authoritative} counts: ${because}; next: ${next}`);
    assert.ok(where.length <= 1, `it runs on ${where.join(" and ")}`);
    if (authoritative === "source") assert.ok(where.every((machine) => machine === "dom0"));
    if (authoritative === "guest") assert.ok(!where.includes("dom0"));
    assert.match(next, /rehome/);
  }

  it("is staged to the end after each", async function () {
    this.timeout(HOURS);
    for (const count of STAGE_KILLED_AT) {
      const { status, output, records } = await move.disturbed(
        GUEST,
        "stage",
        (_, index) => index + 1 >= count,
        (kill) => kill(),
      );
      assert.equal(status, undefined, `it was not killed: ${output}`);
      log(`stage killed after ${records.map(({ type }) => type).join(", ")}`);
      await requireOneCopy();
      await takeNumber();
    }
    const { passes } = await move.run<StageResult>("stage", GUEST);
    assert.ok(passes.length > 0);
    await takeNumber();
  });

  it("is cut over to the end, with one copy at every moment and no number lost", async function () {
    this.timeout(HOURS);
    for (const { name } of CUTOVER_STEPS) {
      const { status, output } = await move.disturbed(
        GUEST,
        "cutover",
        (record) => isBegin(record) && record.step === name,
        (kill) => kill(),
      );
      assert.equal(status, undefined, `it was not killed in ${name}: ${output}`);
      log(`cutover killed in ${name}`);
      await requireOneCopy();
    }
    const { downtimeMs } = await move.run<CutoverResult>("cutover", GUEST);
    log(`${formatDuration(downtimeMs)} of downtime, with all that`);
    await takeNumber();
    await requireOneCopy();
  });
});

function isBegin(record: GuestRecord): record is StepRecord {
  return record.type === "step" && record.event === "started";
}
