import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { silentReport } from "../../src/lib/report.js";
import { leftOutOf } from "../../src/migrators/guest-store.js";
import { runFinalPass, stageGuest } from "../../src/migrators/staging/index.js";
import { unpackExtents } from "../../src/migrators/staging/tracking/extents.js";
import type { Extent } from "../../src/migrators/staging/types.js";
import type { Disk, Pass } from "../../src/migrators/types.js";
import { device } from "../migrators/plan/good-server.js";
import { FakeServer, type ServerLayout } from "./fake-server.js";
import { stagingFixture, type StagingFixture } from "./staging.js";

const MIB = 1024 * 1024;

export function numbers(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => first + index);
}

/** /boot's place, then 160 extents: root in two pieces, swap between them, data, a striped volume; the rest is free. */
export const LAYOUT: ServerLayout = {
  partition: 4 * MIB,
  peStart: MIB,
  extents: 160,
  volumes: [
    { name: "root", extents: [...numbers(0, 10), ...numbers(14, 8)] },
    { name: "swap", extents: numbers(10, 4) },
    { name: "data", extents: numbers(22, 16) },
    { name: "fast", kind: "striped", extents: numbers(38, 4) },
  ],
};
export const SIZE = LAYOUT.partition + LAYOUT.peStart + LAYOUT.extents * MIB + 3 * 4096;
/** Bytes of root and data, which are followed. */
export const FOLLOWED = 34 * MIB;

/** A physical server with LVM on its disk, as a guest that is staged here. */
export class ServerGuest {
  readonly notes: string[] = [];

  private constructor(
    readonly guest: StagingFixture,
    readonly server: FakeServer,
  ) {}

  /** @param fields of the disk, as inspection would tell them */
  static async make(layout = LAYOUT, fields: Partial<Disk> = {}): Promise<ServerGuest> {
    const made: { guest?: ServerGuest } = {};
    const note = ({ severity, text }: Note): unknown => made.guest?.notes.push(`${severity}: ${text}`);
    const connect = (): ReturnType<FakeServer["connect"]> =>
      made.guest?.server.connect() ?? Promise.reject(new Error("there is no server yet"));
    const guest = await stagingFixture({ sizes: [SIZE], connect, report: { ...silentReport, note } });
    const [disk] = guest.context.machine.disks;
    assert.ok(disk);
    Object.assign(disk, { contents: [device("vg0-swap", { format: "swap", type: "lvm" })], ...fields });
    const server = new FakeServer(guest.folder, guest.disks[0] ?? "", layout);
    made.guest = new ServerGuest(guest, server);
    await server.writeMetadata();
    await server.writeRaw(0, random(1, 5000)); // partition table and boot loader
    await server.writeRaw(2 * MIB, random(2, MIB)); // /boot
    await server.write("root", 0, random(3, 9 * MIB));
    await server.write("data", 3 * MIB, random(4, 200_000));
    await server.writeRaw(server.place(76), random(5, 3 * MIB)); // what a volume left that was removed, and the second snapshot gets
    return made.guest;
  }

  remove(): Promise<void> {
    return this.guest.remove();
  }

  get volume(): string {
    return this.guest.volumes[0] ?? "";
  }

  /** Warnings of the last run. */
  warnings(): string {
    return this.notes.filter((note) => note.startsWith("warning")).join("\n");
  }

  async stage(): Promise<Pass> {
    this.forget();
    const { passes } = await stageGuest({ ...this.guest.context, options: { passes: 1 } });
    assert.ok(passes[0]);
    return passes[0];
  }

  async atRest(): Promise<Pass> {
    this.forget();
    const [pass] = (await runFinalPass({ ...this.guest.context, options: {}, quiesced: true })).passes;
    assert.ok(pass);
    return pass;
  }

  /** A run that is stopped after so many ms. */
  async cutAfter(ms: number, quiesced: boolean): Promise<void> {
    const context = { ...this.guest.context, signal: AbortSignal.timeout(Math.ceil(ms)) };
    const run = quiesced
      ? runFinalPass({ ...context, options: {}, quiesced })
      : stageGuest({ ...context, options: { passes: 1 } });
    await run.catch(() => undefined);
  }

  /** Moves the volume data, as pvmove does. */
  async moveData(to: number): Promise<void> {
    const data = this.server.volume("data");
    const content = await this.server.contentOf("data");
    data.extents = numbers(to, 16);
    for (const index of numbers(0, 16)) {
      await this.server.writeRaw(this.server.place(to + index), content.subarray(index * MIB, (index + 1) * MIB));
    }
    await this.server.writeMetadata();
  }

  async leftOut(): Promise<readonly Extent[]> {
    const packed = leftOutOf(await this.guest.context.store.records(), "sda");
    return packed === undefined ? [] : unpackExtents(packed, SIZE);
  }

  /** The copy is the disk, with zeros in what is left out; and nothing is left out that a volume has. */
  async assertCopy(): Promise<void> {
    const [source, copy] = [await readFile(this.server.disk), await readFile(this.volume)];
    const { volumes } = this.server;
    const taken = volumes.filter(({ snapshot }) => snapshot === undefined).flatMap(({ extents }) => extents);
    for (const { offset, length } of await this.leftOut()) {
      for (const extent of taken) {
        const at = this.server.place(extent);
        assert.ok(at + MIB <= offset || at >= offset + length, `extent ${extent} is left out`);
      }
      source.fill(0, offset, offset + length);
    }
    const at = source.equals(copy) ? -1 : source.findIndex((byte, index) => byte !== copy[index]);
    assert.equal(at, -1, `the copy differs from byte ${at} on`);
  }

  private forget(): void {
    this.notes.length = 0;
    this.server.log.length = 0;
  }
}

interface Note {
  readonly severity: string;
  readonly text: string;
}

/** Bytes that are the same for the same seed. */
export function random(seed: number, length: number): Buffer {
  return createHash("shake128", { outputLength: Math.max(1, length) })
    .update(`${seed}`)
    .digest();
}
