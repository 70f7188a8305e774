import assert from "node:assert/strict";
import { Lab } from "../lab.js";
import type { Machine } from "../machine/machine.js";
import { eventually } from "./eventually.js";

const BOOT_MS = 5 * 60_000;
const WRITE_MS = 2 * 60_000;
const CUTS = 2;
/** Rounds before the power goes: a few, so that the cut comes at another place each time. */
const ROUNDS = 4;

/**
 * Rounds without end, each told on standard output only when it is on the disks: a line in a file of the root file system
 * (fsync), a logical volume that is new, one that is gone, a sector of a third (O_DSYNC).
 */
const WRITER = `
set -e
round=$1
while :; do
  round=$((round + 1))
  echo "$round" >>/root/rounds
  sync /root/rounds
  lvcreate -q -y -W n -n "new-$round" -l 1 cut >/dev/null
  lvremove -q -y "cut/new-$((round - 1))" >/dev/null
  printf '%-512s' "$round" | dd of=/dev/cut/sector bs=512 oflag=direct,dsync status=none
  echo "$round"
done`;

describe("the lab: a power cut", () => {
  let lab: Lab;
  let beta: Machine;

  before(async () => {
    lab = await Lab.open((line) => console.log(`      ${line}`));
    await lab.up("beta");
    beta = lab.machine("beta");
    await beta.check(["vgcreate", "-q", "cut", "/dev/vdb"]);
    await beta.check(["lvcreate", "-q", "-y", "-W", "n", "-n", "sector", "-l", "1", "cut"]);
    await beta.check(["lvcreate", "-q", "-y", "-W", "n", "-n", "new-0", "-l", "1", "cut"]);
  });
  after(() => lab.close());

  /** Lets it write from a round on, and cuts the power while it does. @returns the last round that it told */
  async function writeUntilCut(from: number): Promise<number> {
    const host = await beta.host();
    const writer = await host.start(["sh", "-c", WRITER, "sh", `${from}`]);
    let text = "";
    const told = (): number => Number(text.split("\n").at(-2) ?? from); // what follows the last newline is not whole
    writer.stdout.on("data", (data: Buffer) => (text += data.toString()));
    writer.stdout.on("error", () => undefined); // the connection ends with the power
    let ended = false;
    const exited = writer.exited.catch(() => undefined).then(() => (ended = true));
    await eventually(WRITE_MS, () => {
      assert.equal(ended, false, "the writer has ended");
      assert.ok(told() >= from + ROUNDS);
    });
    await beta.cutPower();
    await exited;
    return told();
  }

  it("loses nothing that was written: file system, LVM's metadata, a volume", async () => {
    let told = 0;
    for (let cut = 1; cut <= CUTS; cut += 1) {
      told = await writeUntilCut(told);
      const startedAt = Date.now();
      await beta.powerOn();
      await beta.waitForSsh(BOOT_MS);
      const seconds = Math.round((Date.now() - startedAt) / 1000);
      console.log(`      cut ${cut} after round ${told}; ssh ${seconds} s after power on`);

      const rounds = (await beta.check(["cat", "/root/rounds"])).trim().split("\n").map(Number);
      assert.ok(rounds.includes(told), `round ${told} is not in ${rounds.join(" ")}`);
      await beta.check(["vgck", "cut"]);
      const volumes = await beta.check(["lvs", "--noheadings", "-o", "lv_name", "cut"]);
      const numbers = [...volumes.matchAll(/new-(\d+)/g)].map((match) => Number(match[1]));
      // the round that was cut may be there as well
      assert.ok(numbers.every((number) => number >= told && number <= told + 1) && numbers.length > 0, volumes);
      const sector = await beta.check(["dd", "if=/dev/cut/sector", "bs=512", "count=1", "iflag=direct", "status=none"]);
      assert.ok(Number(sector) === told || Number(sector) === told + 1, sector);
      const [last = told] = numbers.toSorted((a, b) => b - a);
      for (const number of numbers)
        if (number !== last) await beta.check(["lvremove", "-q", "-y", `cut/new-${number}`]);
      told = last;
    }
  });
});
