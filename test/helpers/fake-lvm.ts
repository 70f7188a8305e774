import { copyFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Host, RunResult } from "../../src/lib/host/types.js";
import { storeOf } from "./exception-store.js";
import { connectTo, type FakeSource } from "./fake-source.js";
import { writeAt } from "./staging.js";

export interface FakeSnapshot {
  readonly name: string;
  readonly uuid: string;
  readonly tags: string;
  readonly size: number;
  /** Blocks of the origin that were written to since it was made, in that order. */
  readonly changed: Set<number>;
  state: "valid" | "Invalid" | "Overflow";
}

const BLOCK = 4096;
const GROUP = "vg0";
const ORIGIN = "web";

/**
 * A machine whose one disk (a file) is a logical volume: answers what rehome asks of LVM and device-mapper, makes
 * snapshots by copying the file, and keeps their exception tables as the kernel would.
 */
export class FakeLvm implements FakeSource {
  readonly snapshots: FakeSnapshot[] = [];
  /** Everything that was run and changes something or tells what changed, in order. */
  readonly log: string[] = [];
  bootId = "boot-1";
  originUuid = "origin-uuid";
  /** What the path that is copied leads to: the volume itself (254:0). Hexadecimal, as stat prints it. */
  diskNumber = "fe|0";
  free = 256 * 1024 * 1024;
  /** Called when a snapshot was made, before anything else is answered. */
  onSnapshot: () => Promise<void> = () => Promise.resolve();
  /** Called when one was removed. */
  onRemoval: () => void = () => undefined;
  private made = 0;

  constructor(
    readonly folder: string,
    readonly disk: string,
    private readonly size: number,
  ) {}

  /** Writes to the disk as the machine does. */
  async write(offset: number, data: Buffer): Promise<void> {
    await writeAt(this.disk, offset, data);
    for (const snapshot of this.snapshots) {
      noteWrite(snapshot, offset, data.length);
      await this.save(snapshot);
    }
  }

  /** The file that a snapshot is. */
  fileOf(name: string): string {
    return join(this.folder, `${dmName(name)}.device`);
  }

  connect = (): Promise<Host> => Promise.resolve(connectTo(this));

  async answer(argv: readonly string[]): Promise<RunResult | undefined> {
    const [program = "", verb] = argv;
    const name = argv.at(-1) ?? "";
    const said = (stdout: string, exitCode = 0): RunResult => ({ argv, exitCode, stdout, stderr: "" });
    switch (program) {
      case "lvs":
        return said(this.list());
      case "vgs":
        return said(`${this.free}|1048576\n`);
      case "stat":
        return said(name === this.disk ? `block special file|${this.diskNumber}\n` : "regular file|0|0\n");
      case "cat":
        return said("", 1);
      case "lvcreate":
        return said(await this.create(argv));
      case "lvremove":
        return said(await this.drop(name.slice(GROUP.length + 1)));
      case "dmsetup":
        if (verb === "table") return said(`0 ${this.size / 512} snapshot 254:1 254:2 P ${BLOCK / 512}\n`);
        return verb === "status" ? said(this.status(name)) : this.info(name, said);
      default:
        return undefined;
    }
  }

  private list(): string {
    const own = `${GROUP}|group-uuid|${ORIGIN}|${this.originUuid}|${this.size}|linear|||254|0|/dev/mapper/vg0-web||`;
    const rows = this.snapshots.map(
      ({ name, uuid, size, tags }, index) =>
        `${GROUP}|group-uuid|${name}|${uuid}|${size}|linear|${ORIGIN}|${tags}|254|${index + 1}|/dev/mapper/${dmName(name)}||`,
    );
    return [own, ...rows].join("\n");
  }

  private async create(argv: readonly string[]): Promise<string> {
    const after = (flag: string): string => argv[argv.indexOf(flag) + 1] ?? "";
    const tags = argv.filter((_, index) => argv[index - 1] === "--addtag").join(",");
    this.made += 1;
    const size = Number.parseInt(after("--size"), 10);
    const name = after("--name");
    const snapshot: FakeSnapshot = { name, uuid: `uuid-${this.made}`, tags, size, changed: new Set(), state: "valid" };
    this.log.push(`create ${name}`);
    await copyFile(this.disk, this.fileOf(name));
    this.snapshots.push(snapshot);
    await this.save(snapshot);
    await this.onSnapshot();
    return "";
  }

  private async drop(name: string): Promise<string> {
    this.log.push(`remove ${name}`);
    const index = this.snapshots.findIndex((one) => one.name === name);
    this.snapshots.splice(index, 1);
    await rm(this.fileOf(name));
    this.onRemoval();
    return "";
  }

  private status(name: string): string {
    const found = this.snapshots.find((one) => dmName(one.name) === name);
    return found === undefined ? "" : statusLine(found, this.size);
  }

  private info(name: string, said: (text: string, exitCode?: number) => RunResult): RunResult {
    const cow = name.endsWith("-cow");
    const found = this.snapshots.find((one) => dmName(one.name) === (cow ? name.slice(0, -"-cow".length) : name));
    if (found === undefined) return said("", 1);
    return said(`LVM-groupuuid${found.uuid.replaceAll("-", "")}${cow ? "-cow" : ""}\n`);
  }

  private save(snapshot: FakeSnapshot): Promise<void> {
    return writeFile(join(this.folder, `${dmName(snapshot.name)}-cow.device`), storeFor(snapshot));
  }
}

/** A write to the origin, as the snapshot notes it; one that has no room any more is invalid. */
export function noteWrite(snapshot: FakeSnapshot, offset: number, length: number): void {
  const end = Math.ceil((offset + length) / BLOCK);
  for (let block = Math.floor(offset / BLOCK); block < end; block += 1) snapshot.changed.add(block);
  const used = (2 + snapshot.changed.size + Math.floor(snapshot.changed.size / 256)) * BLOCK;
  if (used >= snapshot.size && snapshot.state === "valid") snapshot.state = "Invalid";
}

/** All of a snapshot's store. */
export function storeFor({ changed, size }: FakeSnapshot): Buffer {
  const whole = Buffer.alloc(size);
  storeOf(BLOCK, [...changed]).store.copy(whole);
  return whole;
}

/** What `dmsetup status` prints of a snapshot. */
export function statusLine({ state, changed, size }: FakeSnapshot, originSize: number): string {
  if (state !== "valid") return `0 ${originSize / 512} snapshot ${state}\n`;
  const areas = Math.floor(changed.size / 256) + 1;
  const used = (1 + areas + changed.size) * 8;
  return `0 ${originSize / 512} snapshot ${used}/${size / 512} ${(1 + areas) * 8}\n`;
}

export function dmName(name: string): string {
  return `${GROUP}-${name.replaceAll("-", "--")}`;
}
