import assert from "node:assert/strict";
import { CUTOVER_STEPS } from "../../../../src/migrators/cutover/index.js";
import { figuresOf, windowOf, type Reading } from "./model.js";
import { figuresTable, judge } from "./table.js";

const MIB = 2 ** 20;

/** Counters that go up by one MiB read and two sent a second, read once a second. */
const READINGS: readonly Reading[] = Array.from({ length: 100 }, (_, second) => ({
  at: second * 1000,
  readBytes: second * MIB,
  sentBytes: second * 2 * MIB,
}));

describe("the figures of a way to the cluster", () => {
  it("add up the parts of the window, and what the source's counters said meanwhile", () => {
    const figures = figuresOf(
      {
        name: "one delta",
        before: [{ from: 1000, to: 11_000 }],
        window: [
          { part: "shut down", from: 20_000, to: 25_000 },
          { part: "copy", from: 25_500, to: 30_500 },
          { part: "register", from: 60_000, to: 61_000 },
        ],
      },
      READINGS,
    );
    assert.equal(figures.downtimeMs, 11_000);
    assert.deepEqual(figures.parts, { "shut down": 5000, copy: 5000, convert: 0, register: 1000 });
    assert.deepEqual(figures.inWindow, { readBytes: 12 * MIB, sentBytes: 24 * MIB });
    assert.deepEqual(figures.inAll, { readBytes: 22 * MIB, sentBytes: 44 * MIB });
  });

  it("are unknown where the counters were not read to the end", () => {
    const { inWindow } = figuresOf(
      { name: "rehome", before: [], window: [{ part: "copy", from: 90_000, to: 200_000 }] },
      READINGS,
    );
    assert.ok(Number.isNaN(inWindow.readBytes));
  });

  it("leave out the guest's boot and nothing else of a cutover", () => {
    const shares = CUTOVER_STEPS.slice(CUTOVER_STEPS.findIndex(({ name }) => name === "quiesce")).map(({ name }) => ({
      step: name,
      ms: 1000,
    }));
    const window = windowOf(5000, shares);
    assert.equal(window[0]?.from, 5000);
    assert.deepEqual(
      window.map(({ part }) => part),
      ["shut down", "copy", "copy", "convert", "register", "convert", "register"],
    );
    assert.equal(
      window.reduce((sum, { from, to }) => sum + (to - from), 0),
      (shares.length - 2) * 1000,
    );
    assert.throws(() => windowOf(0, [{ step: "dance", ms: 1 }]), /"dance"/);
  });
});

describe("the table of figures", () => {
  const way = (name: string, downtimeMs: number): Parameters<typeof judge>[0][number] => ({
    name,
    downtimeMs,
    parts: { "shut down": 1_200_000, copy: 100_000, convert: 100_000, register: 100_000 },
    inWindow: { readBytes: 1920.5 * MIB, sentBytes: 1920.5 * MIB },
    inAll: { readBytes: 5000 * MIB, sentBytes: 5000 * MIB },
  });
  const ways = [way("rehome", 100_000), way("cold copy", 500_000), way("one delta", 200_000)];

  it("fits 80 columns", () => {
    for (const line of figuresTable(ways)) assert.ok(line.length <= 80, line);
    assert.equal(figuresTable(ways).length, 4);
  });

  it("says which targets are met", () => {
    const met = (delta: number | undefined, ...list: readonly (typeof ways)[number][]): readonly boolean[] =>
      judge(list, delta === undefined ? undefined : { changed: 100, sent: delta }).map((verdict) => verdict.met);
    assert.deepEqual(met(115, ...ways), [true, true, true]);
    assert.deepEqual(met(116, way("rehome", 100_001), ...ways.slice(1)), [false, false, false]);
  });

  it("takes what was not measured for missed", () => {
    assert.deepEqual(
      judge(ways.slice(0, 2), undefined).map(({ met }) => met),
      [true, false, false],
    );
    assert.match(judge([], undefined)[0]?.text ?? "", /was not measured/);
  });
});
