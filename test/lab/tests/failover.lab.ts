import assert from "node:assert/strict";
import { delay } from "../../../src/lib/delay.js";
import { HOSTS } from "./cluster/configuration.js";
import { failoverParts, type FailoverParts } from "./cluster/failover.js";
import { ClusterLab } from "./cluster/finished.js";
import { addTinyGuest, type TinyGuest } from "./cluster/tiny-guest.js";
import { eventually } from "./eventually.js";

const BEFORE_MS = 5000;
const ANSWER_MS = 5 * 60_000;
const BACK_MS = 10 * 60_000;

const partsOf = (parts: FailoverParts): readonly (readonly [string, number | undefined])[] => Object.entries(parts);
const log = (line: string): void => console.log(`      ${line}`);
const seconds = (ms: number | undefined): string =>
  ms === undefined ? "nobody knows when" : `${(ms / 1000).toFixed(1)} s`;

describe("the power of the host with the guest is cut, in the lab", () => {
  let cluster: ClusterLab;
  let guest: TinyGuest;
  let first: string;
  let other: string;
  /** All numbers that the guest handed out, in order. */
  const acknowledged: number[] = [];

  before(async () => {
    cluster = await ClusterLab.finished(log);
    guest = await addTinyGuest(cluster, "web1");
    first = await guest.host();
    other = HOSTS.find((name) => name !== first) ?? "";
  });

  after(() => cluster.close());

  /** Asks until the guest says a number. @returns when it did, ms since the epoch */
  async function answer(limitMs: number): Promise<number> {
    const until = Date.now() + limitMs;
    for (;;) {
      const number = await guest.next();
      if (number !== undefined) acknowledged.push(number);
      if (number !== undefined) return Date.now();
      if (Date.now() > until) throw new Error(`${guest.name} does not answer after ${seconds(limitMs)}`);
      await delay(100);
    }
  }

  it("fences it, and runs the guest on the other one", async () => {
    for (const until = Date.now() + BEFORE_MS; Date.now() < until;) await answer(ANSWER_MS);
    const cutAt = Date.now();
    await cluster.machine(first).cutPower();
    const answeredAt = await answer(ANSWER_MS);
    const parts = await failoverParts(cluster.machine(other), first, guest.name, cutAt);
    log(`${first} cut; answers from ${other} after ${seconds(answeredAt - cutAt)}`);
    for (const [part, at] of partsOf(parts)) log(`  ${part} after ${seconds(at)}`);
    assert.equal(await guest.host(), other);
    for (const [part, at] of partsOf(parts)) assert.notEqual(at, undefined, part);
    assert.ok((parts.fenced ?? 0) < (parts.promoted ?? 0), "promoted only after the other was fenced");
  });

  it("loses nothing that the guest acknowledged", async () => {
    await answer(ANSWER_MS);
    assert.deepEqual(
      acknowledged,
      acknowledged.toSorted((a, b) => a - b),
    );
    assert.equal(new Set(acknowledged).size, acknowledged.length);
    log(`${acknowledged.length} numbers acknowledged, the last ${acknowledged.at(-1)}`);
  });

  it("takes the host back, and brings its copy up to date while the guest runs on", async () => {
    const startedAt = Date.now();
    await cluster.machine(first).waitForSsh(BACK_MS);
    await eventually(BACK_MS, async () => {
      for (const name of HOSTS) {
        const state = await cluster.machine(name).check(["drbdadm", "dstate", guest.name]);
        assert.equal(state.trim(), "UpToDate/UpToDate", name);
      }
    });
    await cluster.settled();
    log(`${first} is current again ${seconds(Date.now() - startedAt)} later`);
    assert.equal(await guest.host(), other);
    await answer(ANSWER_MS);
    const { disk = "" } = guest.volume.parts[0] ?? {};
    for (const name of HOSTS) {
      const sector = await cluster
        .machine(name)
        .check(["dd", `if=${disk}`, "bs=512", "count=1", "iflag=direct", "status=none"]);
      assert.ok(Number(sector.split("\n")[0]) >= (acknowledged.at(-1) ?? Number.NaN), name);
    }
  });
});
