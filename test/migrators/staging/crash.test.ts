import { strict as assert } from "node:assert";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { asRehomeError } from "../../../src/lib/errors.js";
import { localHost } from "../../../src/lib/host/local-host.js";
import {
  copiesOf,
  runFinalPass,
  sessionKeeper,
  stageGuest,
  verifyTarget,
} from "../../../src/migrators/staging/index.js";
import { cutHost } from "../../helpers/cut-host.js";
import { applyWrite, diskSize, diskWrite, firstDifference, type DiskWrite } from "../../helpers/random-disk.js";
import { stagingFixture, type StagingFixture } from "../../helpers/staging.js";

/** What happens in one run: writes while nobody looks, then a run that is cut after so many bytes (or not at all). */
interface Round {
  /** The disks first become what they were two rounds ago: digests from then must not have survived. */
  readonly back: boolean;
  readonly writes: readonly DiskWrite[];
  readonly cutAfter: number | undefined;
}

const round: fc.Arbitrary<Round> = fc.record({
  back: fc.boolean(),
  writes: fc.array(diskWrite, { maxLength: 6 }),
  cutAfter: fc.option(fc.oneof(fc.integer({ min: 0, max: 5000 }), fc.integer({ min: 0, max: 8_000_000 })), {
    nil: undefined,
  }),
});

/** One that connections which are opened in it outlive, until so many bytes travelled. */
const keptRound = fc.record({ round, verified: fc.boolean(), left: fc.boolean() });

const AGENTS = [
  { agent: "python", options: {}, runs: 12 },
  { agent: "python 2", options: { interpreters: ["python2.7"] }, runs: 4 },
  { agent: "sh", options: { interpreters: [] }, runs: 5 },
  { agent: "python, wrapped into one volume", options: {}, runs: 8, wrap: true },
] as const;

describe("staging that is interrupted", function () {
  this.timeout(120_000);

  for (const { agent, options, runs, ...shape } of AGENTS) {
    it(`${agent}: any disks, writes and cut connections: the target is the source after the last pass`, async function () {
      const [interpreter] = "interpreters" in options ? options.interpreters : [];
      if (interpreter !== undefined && spawnSync(interpreter, ["-c", ""]).status !== 0) {
        console.log(`      skipped: ${interpreter} is not installed`);
        this.skip();
      }
      const rounds = fc.array(round, { minLength: 1, maxLength: 5 });
      const property = fc.asyncProperty(fc.array(diskSize, { minLength: 1, maxLength: 2 }), rounds, (sizes, history) =>
        holds(sizes, history, { options, ...shape }),
      );
      await fc.assert(property, { numRuns: runs, endOnFailure: true });
    });
  }

  for (const { agent, options, runs, ...shape } of AGENTS.filter(({ agent }) => agent !== "python 2")) {
    it(`${agent}: what is kept from pass to pass breaks at any moment: the target is the source after the last pass`, async () => {
      const property = fc.asyncProperty(
        fc.array(diskSize, { minLength: 1, maxLength: 2 }),
        fc.array(keptRound, { minLength: 1, maxLength: 5 }),
        (sizes, history) => keptHolds(sizes, history, { options, ...shape }),
      );
      await fc.assert(property, { numRuns: runs, endOnFailure: true });
    });
  }

  for (const wrap of [false, true])
    it(`kill -9 at any moment${wrap ? ", wrapped" : ""}: the target is the source after the last pass`, async () => {
      const rounds = fc.array(
        fc.record({ writes: fc.array(diskWrite, { minLength: 2, maxLength: 8 }), killAfterMs: fc.nat(700) }),
        { minLength: 1, maxLength: 3 },
      );
      const property = fc.asyncProperty(diskSize, rounds, async (size, history) => {
        const guest = await stagingFixture({ sizes: [size, 70 * 2 ** 20], wrap });
        try {
          for (const { writes, killAfterMs } of history) {
            for (const write of writes) await applyToAll(guest, write);
            await killedRun(guest, killAfterMs);
          }
          await lastPass(guest, {});
        } finally {
          await guest.remove();
        }
      });
      await fc.assert(property, { numRuns: 6, endOnFailure: true });
    });
});

interface Way {
  readonly options: object;
  readonly wrap?: boolean;
}

async function holds(sizes: readonly number[], history: readonly Round[], { options, wrap }: Way): Promise<void> {
  let cutAfter: number | undefined;
  const connect = (): Promise<ReturnType<typeof localHost>> =>
    Promise.resolve(cutAfter === undefined ? localHost("source") : cutHost(localHost("source"), cutAfter));
  const guest = await stagingFixture({ sizes, connect, ...(wrap && { wrap }) });
  try {
    for (const [number, { back, writes, cutAfter: bytes }] of history.entries()) {
      if (back && number >= 2) await restore(guest, number - 2);
      else for (const write of writes) await applyToAll(guest, write);
      await remember(guest, number);
      cutAfter = bytes;
      try {
        await stageGuest({ ...guest.context, options: { ...options, passes: 1, parallel: 2 } });
      } catch (thrown) {
        assert.notEqual(bytes, undefined, String(thrown));
        assert.equal(asRehomeError(thrown).code, "connection-lost", String(thrown));
      }
    }
    cutAfter = undefined;
    await lastPass(guest, options);
  } finally {
    await guest.remove();
  }
}

/** As `holds`, with everything kept open from round to round, as a cutover does. */
async function keptHolds(
  sizes: readonly number[],
  history: readonly (typeof keptRound extends fc.Arbitrary<infer R> ? R : never)[],
  { options, wrap }: Way,
): Promise<void> {
  let cutAfter: number | undefined;
  const connect = (): Promise<ReturnType<typeof localHost>> =>
    Promise.resolve(cutAfter === undefined ? localHost("source") : cutHost(localHost("source"), cutAfter));
  const guest = await stagingFixture({ sizes, connect, ...(wrap && { wrap }) });
  const sessions = sessionKeeper();
  const context = { ...guest.context, sessions };
  const mayBreak = async (work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
    } catch (thrown) {
      assert.equal(asRehomeError(thrown).code, "connection-lost", String(thrown));
    }
  };
  try {
    for (const [number, { round, verified, left }] of history.entries()) {
      if (round.back && number >= 2) await restore(guest, number - 2);
      else for (const write of round.writes) await applyToAll(guest, write);
      await remember(guest, number);
      cutAfter = round.cutAfter;
      await mayBreak(async () => {
        await runFinalPass({ ...context, options: { ...options, parallel: 2 }, quiesced: false });
        if (verified) await verifyTarget({ ...context, options, mode: number % 2 === 0 ? "sent" : "full" });
      });
      if (left) await sessions.leaveSource();
    }
    cutAfter = undefined;
    await mayBreak(() => runFinalPass({ ...context, options, quiesced: true })); // over what was kept
    await lastPass({ ...guest, context }, options);
  } finally {
    await sessions.release();
    await guest.remove();
  }
}

async function lastPass(guest: StagingFixture, options: object): Promise<void> {
  await runFinalPass({ ...guest.context, options, quiesced: true });
  for (const { sourcePath, path, offset, size } of copiesOf(guest.context.plan)) {
    const range = { offset, size };
    assert.equal(await firstDifference(sourcePath, path, range), undefined, `${sourcePath} and its volume differ`);
  }
  await verifyTarget({ ...guest.context, options, mode: "sent" });
  await verifyTarget({ ...guest.context, options, mode: "full" });
}

async function applyToAll(guest: StagingFixture, write: DiskWrite): Promise<void> {
  for (const { sourcePath, size } of copiesOf(guest.context.plan)) await applyWrite(sourcePath, size, write);
}

async function remember(guest: StagingFixture, number: number): Promise<void> {
  for (const disk of guest.disks) await copySparse(disk, `${disk}.${number}`);
}

async function restore(guest: StagingFixture, number: number): Promise<void> {
  for (const disk of guest.disks) await copySparse(`${disk}.${number}`, disk);
}

async function copySparse(from: string, to: string): Promise<void> {
  const { exitCode } = await localHost().run(["cp", "--sparse=always", from, to]);
  assert.equal(exitCode, 0);
}

/** Stages in a process of its own, slowly, and kills that some time after its first pass began. */
async function killedRun(guest: StagingFixture, killAfterMs: number): Promise<void> {
  const script = fileURLToPath(new URL("../../helpers/stage-child.ts", import.meta.url));
  const sizes = copiesOf(guest.context.plan).map(({ size }) => size);
  const options = { passes: 2, bwlimit: 30 * 2 ** 20 };
  const wrap = guest.context.plan.volumes.some(({ wrapping }) => wrapping !== undefined);
  const child = spawn(
    process.execPath,
    ["--import", "tsx", script, guest.folder, JSON.stringify(sizes), JSON.stringify(options), `${wrap}`],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const exited = once(child, "exit");
  await Promise.race([once(child.stdout, "data"), exited]);
  await Promise.race([sleep(killAfterMs), exited]);
  child.kill("SIGKILL");
  await exited;
}
