import assert from "node:assert/strict";
import type { ReplicatedVolume, VolumePart } from "../../../src/cluster/volumes/replicated/types.js";
import { formatRate } from "../../../src/lib/units.js";
import type { Machine } from "../machine/machine.js";
import { HOSTS } from "./cluster/configuration.js";
import { ClusterLab } from "./cluster/finished.js";
import { eventually } from "./eventually.js";

const MIB = 1024 ** 2;
const DATA = 256 * MIB;
/** How much of a disk has data on it: the rest is zeros, which staging does not write. */
const FILLED_SHARES = [1, 0.5];
const LIMIT_MS = 15 * 60_000;
const NAME = "first";

/**
 * The two ways in which a new volume gets its first copy: straight into DRBD, or into the logical volume with DRBD
 * switched on afterwards, which then has to copy all of it, because nobody has told it what there is.
 */
describe("the first copy of a replicated volume", () => {
  let cluster: ClusterLab;
  let writer: Machine;
  let peer: Machine;
  before(async () => {
    cluster = await ClusterLab.finished((line) => console.log(`      ${line}`));
    [writer, peer] = [cluster.machine(HOSTS[0]), cluster.machine(HOSTS[1])];
    await writer.check(["dd", "if=/dev/urandom", "of=/dev/shm/data", "bs=1M", `count=${DATA / MIB}`]);
  });
  after(() => cluster.close());

  const both = async (...argv: readonly string[]): Promise<void> => {
    for (const machine of [writer, peer]) await machine.check(argv);
  };

  /** Writes to a device as staging does: in large pieces, past the page cache, on the disk in the end. */
  async function write(path: string, bytes: number): Promise<number> {
    const startedAt = Date.now();
    const size = ["bs=1M", `count=${bytes / MIB}`, "oflag=direct", "conv=fsync", "status=none"];
    await writer.check(["dd", "if=/dev/shm/data", `of=${path}`, ...size], { timeoutMs: LIMIT_MS });
    return Date.now() - startedAt;
  }

  /** Waits until the other host has every block. */
  async function untilReplicated(): Promise<number> {
    const startedAt = Date.now();
    await eventually(LIMIT_MS, async () => {
      assert.equal((await writer.check(["drbdadm", "dstate", NAME])).trim(), "UpToDate/UpToDate");
    });
    return Date.now() - startedAt;
  }

  async function straight({ device }: VolumePart, bytes: number): Promise<number> {
    await writer.check(["drbdadm", "primary", NAME]);
    const ms = await write(device, bytes);
    await writer.check(["drbdadm", "secondary", NAME]);
    return ms + (await untilReplicated());
  }

  async function afterwards({ disk }: VolumePart, bytes: number): Promise<number> {
    await both("drbdadm", "down", NAME);
    const writingMs = await write(disk, bytes);
    await both("drbdadm", "up", NAME);
    await writer.check(["drbdadm", "wait-connect", NAME], { timeoutMs: LIMIT_MS });
    await writer.check(["drbdadm", "invalidate-remote", NAME]);
    return writingMs + (await untilReplicated());
  }

  it("is there sooner when it is written straight into DRBD", async () => {
    const { parts } = await cluster.rehome<ReplicatedVolume>("volume create", NAME, "--size", `${DATA / MIB}M`);
    const [part = assert.fail("no volume")] = parts;
    for (const share of FILLED_SHARES) {
      const bytes = DATA * share;
      const [straightMs, afterwardsMs] = [await straight(part, bytes), await afterwards(part, bytes)];
      const rates = [straightMs, afterwardsMs].map((ms) => formatRate((bytes / ms) * 1000));
      const ratio = (afterwardsMs / straightMs).toFixed(2);
      console.log(`      ${share * 100}% filled: straight ${rates[0]}, afterwards ${rates[1]}: ${ratio} times as long`);
      assert.ok(straightMs < afterwardsMs, "switching DRBD on afterwards was faster: staging should do that");
    }
  });
});
