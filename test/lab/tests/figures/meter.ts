import { createInterface } from "node:readline";
import { delay } from "../../../../src/lib/delay.js";
import type { HostProcess } from "../../../../src/lib/host/types.js";
import { nicName } from "../../machine/identity.js";
import type { Machine } from "../../machine/machine.js";
import type { Reading } from "./model.js";

/** Arguments: disk, network card. Once a second: sectors read from the one, bytes sent by the other, since the machine started. */
const WATCH = `while read -r _ _ sectors _ <"/sys/block/$1/stat" && read -r sent <"/sys/class/net/$2/statistics/tx_bytes"; do
  echo "$sectors $sent"
  sleep 1
done`;
const SECTOR = 512;
const POLL_MS = 200;
const READING_MS = 120_000;

/** The counters of the source host, watched all the time: what they said at a moment can be asked for afterwards. */
export class Meter {
  readonly readings: Reading[] = [];
  private process: HostProcess | undefined;
  private stopped = false;
  private watching: Promise<void> = Promise.resolve();

  private constructor(
    private readonly machine: Machine,
    private readonly argv: readonly string[],
  ) {}

  /** @param group the volume group, on one disk, whose reads count */
  static async start(machine: Machine, group: string): Promise<Meter> {
    const disk = (await machine.check(["vgs", "--noheadings", "-o", "pv_name", group])).trim();
    const device = (await machine.check(["realpath", disk])).trim();
    const meter = new Meter(machine, ["sh", "-c", WATCH, "sh", device.replace("/dev/", ""), nicName(0)]);
    meter.watching = meter.watch();
    await meter.next();
    return meter;
  }

  /** Waits until the counters were read once more, so that nothing that is done from now on counts for what was before. */
  async next(): Promise<void> {
    const [asked, count] = [Date.now(), this.readings.length];
    while (this.readings.length === count) {
      if (Date.now() - asked > READING_MS) throw new Error(`the counters of ${this.machine.name} cannot be read`);
      await delay(POLL_MS);
    }
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.process?.kill();
    await this.watching;
  }

  /** The connection may be lost: the counters go on, and so does this. Never rejects. */
  private async watch(): Promise<void> {
    while (!this.stopped) {
      try {
        this.process = await (await this.machine.host()).start(this.argv);
        this.process.stderr.resume();
        const ignore = (): void => undefined; // a lost connection's end is told by `exited`
        this.process.stdout.on("error", ignore);
        const lines = createInterface({ input: this.process.stdout }).on("error", ignore); // it says the same again
        lines.on("line", (line) => {
          const [sectors = Number.NaN, sentBytes = Number.NaN] = line.split(" ").map(Number);
          this.readings.push({ at: Date.now(), readBytes: sectors * SECTOR, sentBytes });
        });
        await this.process.exited;
      } catch {
        await this.machine.close();
      }
      await delay(POLL_MS);
    }
  }
}
