import { open, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Host, RunResult } from "../../src/lib/host/types.js";
import { dmName, noteWrite, statusLine, storeFor, type FakeSnapshot } from "./fake-lvm.js";
import { connectTo, type FakeSource } from "./fake-source.js";
import { writeAt } from "./staging.js";

const MIB = 1024 * 1024;
const GROUP = "vg0";
const PARTITION = "/dev/sda2";

/** A logical volume; a snapshot has an origin, and its extents are where it keeps what was overwritten. */
interface FakeVolume {
  readonly name: string;
  uuid: string;
  kind: string;
  /** Numbers of its physical extents of 1 MiB, in its own order. */
  extents: number[];
  readonly number: number;
  readonly tags: string;
  readonly origin: string;
  readonly snapshot?: FakeSnapshot;
  /** Sectors that were written to it. */
  written: number;
}

export interface ServerLayout {
  /** First byte of the partition with the physical volume. */
  readonly partition: number;
  /** First extent on the physical volume, in bytes. */
  readonly peStart: number;
  /** Number of extents, of 1 MiB each. */
  readonly extents: number;
  readonly volumes: readonly { readonly name: string; readonly kind?: string; readonly extents: readonly number[] }[];
}

/**
 * A physical server with one disk (a file): a partition table, a partition without LVM, and one that is a physical volume.
 * Answers what rehome asks of LVM, device-mapper and sysfs; keeps LVM's metadata on the disk, and what snapshots save in
 * the extents that they have.
 */
export class FakeServer implements FakeSource {
  readonly volumes: FakeVolume[] = [];
  /** Everything that was run and changes something or tells what changed, in order. */
  readonly log: string[] = [];
  bootId = "boot-1";
  /** What the kernel is said to have mapped, where that is not what LVM says; by device-mapper name. */
  readonly mapped = new Map<string, string>();
  /** Called when a snapshot was made, or was removed. */
  onSnapshot: () => Promise<void> = () => Promise.resolve();
  onRemoval: () => Promise<void> = () => Promise.resolve();
  removes = true;
  /** Whether its lvremove knows --select, and what --yes is for. */
  selects = true;
  /** The file system that LVM's locks are on. */
  locks = "tmpfs";
  /** Whether the kernel counts what is written to a device. */
  counts = true;
  private made = 0;

  constructor(
    readonly folder: string,
    readonly disk: string,
    private readonly layout: ServerLayout,
  ) {
    for (const { name, kind = "linear", extents } of layout.volumes) this.add(name, kind, [...extents]);
  }

  /** Adds a volume as its administrator would. */
  add(name: string, kind: string, extents: number[], snapshot?: FakeSnapshot, origin = "", tags = ""): FakeVolume {
    this.made += 1;
    const uuid = snapshot?.uuid ?? `uuid-${name}-${this.made}`;
    const known = { name, uuid, kind, extents, number: this.made, tags, origin, written: 0 };
    const volume = { ...known, ...(snapshot && { snapshot }) };
    this.volumes.push(volume);
    return volume;
  }

  volume(name: string): FakeVolume {
    const found = this.volumes.find((one) => one.name === name);
    if (found === undefined) throw new Error(`the server has no volume ${name}`);
    return found;
  }

  get snapshots(): readonly string[] {
    return this.volumes.filter(({ snapshot }) => snapshot !== undefined).map(({ name }) => name);
  }

  /** First byte of an extent on the disk. */
  place(extent: number): number {
    return this.layout.partition + this.layout.peStart + extent * MIB;
  }

  /** Writes to a volume as the machine does. */
  async write(name: string, offset: number, data: Buffer): Promise<void> {
    const volume = this.volume(name);
    for (let done = 0; done < data.length;) {
      const at = offset + done;
      const length = Math.min(data.length - done, MIB - (at % MIB));
      const extent = volume.extents[Math.floor(at / MIB)] ?? 0;
      await writeAt(this.disk, this.place(extent) + (at % MIB), data.subarray(done, done + length));
      done += length;
    }
    volume.written += Math.ceil(data.length / 512);
    for (const one of this.volumes.filter(({ origin }) => origin === name)) {
      if (one.snapshot === undefined) continue;
      noteWrite(one.snapshot, offset, data.length);
      await this.save(one);
    }
  }

  /** Writes where no volume is. */
  writeRaw(offset: number, data: Buffer): Promise<void> {
    return writeAt(this.disk, offset, data);
  }

  /** Writes LVM's metadata as they are now: the names of all volumes, where LVM has them. */
  async writeMetadata(): Promise<void> {
    const text = this.volumes.map(({ name, extents }) => `${name} ${extents.join(",")}`).join("\n");
    const area = Buffer.alloc(64 * 1024);
    area.write(`seqno ${this.made}\n${text}\n`);
    await writeAt(this.disk, this.layout.partition + 4096, area);
  }

  fileOf(name: string): string {
    return join(this.folder, `${dmName(name)}.device`);
  }

  connect = (): Promise<Host> => Promise.resolve(connectTo(this));

  async answer(argv: readonly string[]): Promise<RunResult | undefined> {
    const [program = "", verb = ""] = argv;
    const name = argv.at(-1) ?? "";
    const said = (stdout: string, exitCode = 0): RunResult => ({ argv, exitCode, stdout, stderr: "" });
    switch (program) {
      case "lvs":
        return said(this.volumes.map((one) => this.row(one)).join("\n"));
      case "vgs":
        return said(`${this.freeExtents().length * MIB}|${MIB}\n`);
      case "pvs":
        return said(this.segments());
      case "stat":
        if (verb === "-f") return said(`${this.locks}\n`);
        return said(
          `${name === this.disk || name === PARTITION ? "block special file" : "regular file"}|${this.number(name)}\n`,
        );
      case "cat":
        return this.sysfs(argv.slice(1), said);
      case "lvcreate":
        return said(await this.create(argv));
      case "lvremove":
        if (!this.selects && argv.includes("--select")) return said("", 3);
        if (!this.selects && !argv.includes("--force")) return said("", 5);
        return said(await this.drop(name.slice(GROUP.length + 1)));
      case "dmsetup":
        if (verb === "table") return said(this.tables(argv[2]).join("\n"));
        return verb === "status" ? said(this.status(name)) : this.info(name, said);
      default:
        return undefined;
    }
  }

  private number(path: string): string {
    if (path === this.disk) return "8|0";
    return path === PARTITION ? "8|2" : "0|0";
  }

  private sysfs(paths: readonly string[], said: (text: string, exitCode?: number) => RunResult): RunResult {
    const [first = "", second = ""] = paths;
    if (first === "/sys/dev/block/8:2/start" && second === "/sys/dev/block/8:2/../dev") {
      return said(`${this.layout.partition / 512}\n8:0\n`);
    }
    const number = Number(/^\/sys\/dev\/block\/254:(\d+)\/stat$/.exec(first)?.[1]);
    const volume = this.volumes.find((one) => one.number === number);
    if (volume === undefined || paths.length !== 1 || !this.counts) return said("", 1);
    return said(`1 0 8 1 5 0 ${volume.written} 1 0 1 1\n`);
  }

  private row({ name, uuid, kind, extents, number, tags, origin }: FakeVolume): string {
    const head = `${GROUP}|group-uuid|${name}|${uuid}|${extents.length * MIB}|${kind}|${origin}|${tags}`;
    return `  ${head}|254|${number}|/dev/mapper/${dmName(name)}||`;
  }

  /** A row for each run of extents of one volume, or of none. */
  private segments(): string {
    const owner = new Map(
      this.volumes.flatMap((one) => one.extents.map((extent, index) => [extent, { one, index }] as const)),
    );
    const rows: { start: number; count: number; name: string; kind: string; at: number }[] = [];
    for (let extent = 0; extent < this.layout.extents; extent += 1) {
      const { one, index = 0 } = owner.get(extent) ?? {};
      const last = rows.at(-1);
      const follows = last?.name === (one?.name ?? "") && (one === undefined || last.at + last.count === index);
      if (last !== undefined && follows) last.count += 1;
      else rows.push({ start: extent, count: 1, name: one?.name ?? "", kind: one?.kind ?? "free", at: index });
    }
    return rows
      .map(({ start, count, name, kind, at }) => {
        const pv = `  ${PARTITION}|${GROUP}|${this.layout.peStart}|${MIB}`;
        return `${pv}|${start}|${count}|${name}|${kind}|${at * MIB}`;
      })
      .join("\n");
  }

  /** What `dmsetup table` prints, of all devices or of one, whose name is then left out. */
  private tables(device: string | undefined): readonly string[] {
    const all = this.volumes.flatMap((one) => this.table(one));
    if (device === undefined) return all;
    return all.flatMap((line) => (line.startsWith(`${device}: `) ? line.slice(device.length + 2) : []));
  }

  /** Lines of `dmsetup table`, a target for each run of extents. */
  private table({ name, extents, origin, kind }: FakeVolume): readonly string[] {
    const own = dmName(name);
    const isOrigin = this.volumes.some((one) => one.origin === name);
    const data = origin !== "" ? `${own}-cow` : isOrigin ? `${own}-real` : own;
    const said = this.mapped.get(data);
    const lines: string[] = [];
    for (let index = 0; index < extents.length;) {
      let count = 1;
      while (extents[index + count] === (extents[index] ?? 0) + count) count += 1;
      const sector = (this.layout.peStart + (extents[index] ?? 0) * MIB) / 512;
      const target = kind === "linear" ? `linear 8:2 ${sector}` : `${kind} 2 128 8:2 ${sector} 8:18 2048`;
      lines.push(`${data}: ${(index * MIB) / 512} ${(count * MIB) / 512} ${target}`);
      index += count;
    }
    const top = data === own ? [] : [`${own}: 0 8 snapshot${isOrigin ? "-origin 254:9" : " 254:9 254:8 P 8"}`];
    return [...(said === undefined ? lines : [said]), ...top];
  }

  private freeExtents(): readonly number[] {
    const taken = new Set(this.volumes.flatMap(({ extents }) => extents));
    return Array.from({ length: this.layout.extents }, (_, extent) => extent).filter((extent) => !taken.has(extent));
  }

  private async create(argv: readonly string[]): Promise<string> {
    const after = (flag: string): string => argv[argv.indexOf(flag) + 1] ?? "";
    const tags = argv.filter((_, index) => argv[index - 1] === "--addtag").join(",");
    const [name, size] = [after("--name"), Number.parseInt(after("--size"), 10)];
    const origin = (argv.at(-1) ?? "").slice(GROUP.length + 1);
    const uuid = `uuid-${this.made + 1}`;
    const snapshot: FakeSnapshot = { name, uuid, tags, size, changed: new Set(), state: "valid" };
    this.log.push(`create ${name}`);
    await writeFile(this.fileOf(name), await this.contentOf(origin));
    const extents = this.freeExtents().slice(0, Math.ceil(size / MIB));
    await this.save(this.add(name, "linear", extents, snapshot, origin, tags));
    await this.writeMetadata();
    await this.onSnapshot();
    return "";
  }

  private async drop(name: string): Promise<string> {
    this.log.push(`remove ${name}`);
    if (!this.removes) return "";
    this.volumes.splice(this.volumes.indexOf(this.volume(name)), 1);
    await rm(this.fileOf(name));
    await this.writeMetadata();
    await this.onRemoval();
    return "";
  }

  /** What a volume holds. */
  async contentOf(name: string, path = this.disk): Promise<Buffer> {
    const file = await open(path, "r");
    try {
      const parts: Buffer[] = [];
      for (const extent of this.volume(name).extents) {
        const part = Buffer.alloc(MIB);
        await file.read(part, 0, MIB, this.place(extent));
        parts.push(part);
      }
      return Buffer.concat(parts);
    } finally {
      await file.close();
    }
  }

  private status(name: string): string {
    const found = this.volumes.find((one) => dmName(one.name) === name);
    if (found?.snapshot === undefined) return "";
    return statusLine(found.snapshot, this.volume(found.origin).extents.length * MIB);
  }

  private info(name: string, said: (text: string, exitCode?: number) => RunResult): RunResult {
    const cow = name.endsWith("-cow");
    const found = this.volumes.find((one) => dmName(one.name) === (cow ? name.slice(0, -"-cow".length) : name));
    if (found === undefined) return said("", 1);
    return said(`LVM-groupuuid${found.uuid.replaceAll("-", "")}${cow ? "-cow" : ""}\n`);
  }

  /** A snapshot's store, where the agent reads it and where it lies on the disk. */
  private async save({ name, extents, snapshot }: FakeVolume): Promise<void> {
    if (snapshot === undefined) return;
    const store = storeFor(snapshot);
    await writeFile(join(this.folder, `${dmName(name)}-cow.device`), store);
    for (const [index, extent] of extents.entries()) {
      await writeAt(this.disk, this.place(extent), store.subarray(index * MIB, (index + 1) * MIB));
    }
  }
}
