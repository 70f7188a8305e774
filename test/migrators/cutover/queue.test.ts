import assert from "node:assert/strict";
import { delay } from "../../../src/lib/delay.js";
import { RehomeError } from "../../../src/lib/errors.js";
import { inTurn, type Outcome, type QueueOptions, type Turn } from "../../../src/migrators/cutover/queue.js";

const GUESTS = ["db1", "web1", "web2", "web3"];

describe("several guests that are cut over in one run", () => {
  let log: string[];
  let running: number;
  let most: number;
  beforeEach(() => {
    log = [];
    running = 0;
    most = 0;
  });

  async function cutOver(guest: string, turn: Turn, fails: readonly string[], ms = 10): Promise<string> {
    turn.ready();
    return turn.take(async () => {
      log.push(guest);
      running += 1;
      most = Math.max(most, running);
      try {
        await delay(ms);
        if (fails.includes(guest)) throw new RehomeError("guest-silent", `${guest} is silent`);
        return `${guest} runs`;
      } finally {
        running -= 1;
      }
    });
  }
  const run = (options: Partial<QueueOptions>, ...fails: string[]): Promise<readonly Outcome<string>[]> =>
    inTurn(GUESTS, { parallel: 1, keepGoing: false, ...options }, (guest, turn) => cutOver(guest, turn, fails));
  const states = (outcomes: readonly Outcome<string>[]): readonly string[] =>
    outcomes.map(({ guest, state }) => `${guest} ${state}`);

  it("begin one after the other, in their order", async () => {
    const outcomes = await run({});
    assert.deepEqual(log, GUESTS);
    assert.equal(most, 1);
    assert.ok(outcomes.every((each) => each.state === "done" && each.result === `${each.guest} runs`));
  });

  it("are under way at once up to the limit, and still begin in their order", async () => {
    await inTurn(GUESTS, { parallel: 2, keepGoing: false }, async (guest, turn) => {
      if (guest === "db1") await delay(30); // the first is the last to arrive
      return cutOver(guest, turn, []);
    });
    assert.deepEqual(log, GUESTS);
    assert.equal(most, 2);
  });

  it("do not begin any more when one failed, and what is under way ends", async () => {
    assert.deepEqual(states(await run({ parallel: 2 }, "db1")), [
      "db1 failed",
      "web1 done",
      "web2 not-begun",
      "web3 not-begun",
    ]);
    assert.deepEqual(log, ["db1", "web1"]);
  });

  it("begin all the same with --keep-going", async () => {
    const outcomes = await run({ keepGoing: true }, "db1", "web2");
    assert.deepEqual(states(outcomes), ["db1 failed", "web1 done", "web2 failed", "web3 done"]);
    assert.ok(outcomes[0]?.state === "failed" && outcomes[0].error.message === "db1 is silent");
  });

  it("do not begin at all when one of them cannot: it is found out before", async () => {
    const late = async (guest: string, turn: Turn): Promise<string> => {
      if (guest !== "web3") return cutOver(guest, turn, []);
      await delay(30);
      throw new RehomeError("not-staged", "nothing was copied");
    };
    const outcomes = await inTurn(GUESTS, { parallel: 1, keepGoing: false }, late);
    assert.deepEqual(states(outcomes), ["db1 not-begun", "web1 not-begun", "web2 not-begun", "web3 failed"]);
    const others = await inTurn(GUESTS, { parallel: 1, keepGoing: true }, late);
    assert.deepEqual(states(others), ["db1 done", "web1 done", "web2 done", "web3 failed"]);
  });

  it("that have not begun are left alone by Ctrl-C; the one under way says what became of it", async () => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(new RehomeError("cancelled", "stopped by SIGINT")), 30);
    const outcomes = await inTurn(GUESTS, { parallel: 1, keepGoing: true, signal: stop.signal }, (guest, turn) => {
      turn.ready();
      return turn.take(() => delay(60, stop.signal).then(() => guest));
    });
    assert.deepEqual(states(outcomes), ["db1 failed", "web1 not-begun", "web2 not-begun", "web3 not-begun"]);
  });

  it("share the load while they wait", async () => {
    let busy = 0;
    let busiest = 0;
    const outcomes = await inTurn(GUESTS, { parallel: 2, keepGoing: false }, async (guest, turn) => {
      turn.ready();
      await turn.share(async () => {
        busy += 1;
        busiest = Math.max(busiest, busy);
        await delay(10);
        busy -= 1;
      });
      return turn.take(() => Promise.resolve(guest));
    });
    assert.equal(busiest, 2);
    assert.ok(outcomes.every(({ state }) => state === "done"));
  });

  it("that wait learn that another one failed", async () => {
    const outcomes = await inTurn(GUESTS, { parallel: 1, keepGoing: false }, async (guest, turn) => {
      turn.ready();
      if (guest === "web1") throw new RehomeError("downtime-too-long", "too long");
      await delay(60_000, turn.signal);
      return guest;
    });
    assert.deepEqual(states(outcomes), ["db1 not-begun", "web1 failed", "web2 not-begun", "web3 not-begun"]);
  });
});
