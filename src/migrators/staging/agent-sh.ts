import { deflateSync } from "node:zlib";
import { hash } from "node:crypto";
import { RehomeError } from "../../lib/errors.js";
import { readTemplate } from "../../lib/templates.js";
import { readFailed, type AgentLink } from "./agent-process.js";
import type { BlocksRequest, ScanRequest, SourceAgent } from "./agent-types.js";
import { isZero, ZERO_MARK } from "../../lib/digest.js";
import { PROTOCOL_VERSION, type Hello, type HelloDisk } from "./protocol.js";
import { BLOCK_SIZE, CHUNK_SIZE, DIGEST_SIZE, type AgentInfo } from "./types.js";

/** Chunks that are hashed together first: starting dd and sha256sum costs as much as hashing some hundred KiB. */
const PIECE = 16;
const HEAD_CHUNKS = 2;

/** The slow reader, on a link whose other end waits for a program in sh. @throws RehomeError source-tool-missing */
export async function openShellAgent(link: AgentLink): Promise<SourceAgent> {
  link.sendProgram(await readTemplate("source-agent.sh"));
  const agent = new ShellAgent(link);
  await agent.begin();
  return agent;
}

class ShellAgent implements SourceAgent {
  readonly depth = 1;
  readonly info: AgentInfo = { kind: "sh", name: "sh, dd and sha256sum" };
  private greeting: Hello | undefined;

  constructor(private readonly link: AgentLink) {}

  get hello(): Hello {
    if (this.greeting === undefined) throw new RehomeError("internal", "the agent has not said hello");
    return this.greeting;
  }

  async begin(): Promise<void> {
    this.greeting = await this.hear();
  }

  async open(disks: readonly string[]): Promise<void> {
    const unfit = disks.find((path) => path.includes("\n"));
    if (unfit !== undefined) throw new RehomeError("internal", "a line break in the path of a disk", { path: unfit });
    this.link.disks = disks;
    this.ask([`open ${disks.length}`, ...disks].join("\n"));
    await this.begin();
  }

  /** What it says of itself and of its disks. */
  private async hear(): Promise<Hello> {
    let bootId = "";
    const disks: HelloDisk[] = [];
    for (let line = await this.line(); line !== "ready"; line = await this.line()) {
      const [word, first = "", flags, block] = line.split(" ");
      if (word === "boot") bootId = first;
      if (word === "serial") disks.push(withSerial(disks.pop(), line.slice("serial ".length).trim()));
      if (word === "disk") disks.push(diskFacts(first, flags === "iflag=direct", block === "1"));
      if (word === "missing") {
        throw new RehomeError("source-tool-missing", `${first} is not installed, nor is python`, {
          machine: this.link.host.name,
          remedy: "install python3, or dd and sha256sum (coreutils), on the source",
        });
      }
    }
    const withHeads: HelloDisk[] = [];
    for (const [index, disk] of disks.entries()) {
      const length = Math.min(disk.size, HEAD_CHUNKS * CHUNK_SIZE);
      const head = disk.error === undefined ? await this.read(index, 0, HEAD_CHUNKS, length) : Buffer.alloc(0);
      withHeads.push({ ...disk, head: deflateSync(head).toString("base64") });
    }
    return { version: PROTOCOL_VERSION, name: this.info.name, bootId, disks: withHeads };
  }

  wireBytes(): number {
    return this.link.wireBytes();
  }

  async scan(request: ScanRequest): Promise<void> {
    const { disk, first, count } = request;
    const before = this.wireBytes();
    const pieces = Math.ceil(count / PIECE);
    this.ask(`hash ${disk} ${first} ${PIECE} ${pieces}`);
    const sums: string[] = [];
    for (let piece = 0; piece < pieces; piece += 1) sums.push(await this.sum());
    for (const [piece, sum] of sums.entries()) {
      const start = first + piece * PIECE;
      const length = Math.min(PIECE, first + count - start);
      const own =
        request.known === "zeros"
          ? Buffer.alloc(this.bytes(disk, start, length))
          : await request.sink.own(start, length);
      if (hash("sha256", own) === sum) continue;
      if (request.known === "zeros" && !request.compare) await this.fetch(request, start, length);
      else await this.compare(request, start, length);
    }
    request.sink.travelled(this.wireBytes() - before);
  }

  /** Finds the chunks of a piece that differ, and fetches them. */
  private async compare(request: ScanRequest, start: number, count: number): Promise<void> {
    const { disk, known, sink } = request;
    this.ask(`hash ${disk} ${start} 1 ${count}`);
    const sums: Buffer[] = [];
    for (let index = 0; index < count; index += 1) {
      sums.push(Buffer.from(await this.sum(), "hex").subarray(0, DIGEST_SIZE));
    }
    for (const [index, sum] of sums.entries()) {
      const chunk = start + index;
      const place = (chunk - request.first) * DIGEST_SIZE;
      const mark = known === "zeros" ? ZERO_MARK : known.subarray(place, place + DIGEST_SIZE);
      const zeroSum = hash("sha256", Buffer.alloc(this.bytes(disk, chunk, 1)), "buffer").subarray(0, DIGEST_SIZE);
      const expected = mark.equals(ZERO_MARK) ? zeroSum : mark;
      if (sum.equals(expected)) continue;
      if (request.compare) sink.differs(chunk);
      else if (sum.equals(zeroSum)) sink.zeros(chunk, 1);
      else await this.fetch(request, chunk, 1);
    }
  }

  /** What is read counts, not what was hashed a moment ago. */
  private async fetch({ disk, sink }: ScanRequest, start: number, count: number): Promise<void> {
    const data = await this.read(disk, start, count, this.bytes(disk, start, count));
    for (let offset = 0; offset < data.length; offset += CHUNK_SIZE) {
      const chunk = start + offset / CHUNK_SIZE;
      const piece = data.subarray(offset, offset + CHUNK_SIZE);
      if (isZero(piece)) {
        sink.zeros(chunk, 1);
      } else {
        const all = 2 ** Math.ceil(piece.length / BLOCK_SIZE) - 1;
        await sink.data(chunk, all, [piece]);
      }
    }
  }

  /** Reads the chunks that the blocks are in; only the blocks are handed on. */
  async readBlocks({ disk, first, bitmaps, sink }: BlocksRequest): Promise<void> {
    const before = this.wireBytes();
    for (let index = 0; index < bitmaps.length;) {
      let end = index;
      while (end < bitmaps.length && end - index < PIECE && bitmaps[end] !== 0) end += 1;
      if (end > index) {
        const count = end - index;
        const data = await this.read(disk, first + index, count, this.bytes(disk, first + index, count));
        for (let at = 0; at < count; at += 1) {
          const chunk = data.subarray(at * CHUNK_SIZE, (at + 1) * CHUNK_SIZE);
          const { bitmap, pieces } = blocksWithData(chunk, bitmaps[index + at] ?? 0);
          await sink.data(first + index + at, bitmap, pieces);
        }
      }
      index = Math.max(end, index + 1);
    }
    sink.travelled(this.wireBytes() - before);
  }

  close(): Promise<void> {
    return this.link.close();
  }

  private bytes(disk: number, chunk: number, count: number): number {
    const size = this.greeting?.disks[disk]?.size ?? 0;
    return Math.min(count * CHUNK_SIZE, size - chunk * CHUNK_SIZE);
  }

  private async read(disk: number, chunk: number, count: number, bytes: number): Promise<Buffer> {
    this.ask(`read ${disk} ${chunk} ${count}`);
    const data = await this.link.reader.take(bytes);
    if (data === undefined) throw await this.ended(disk, chunk);
    return data;
  }

  private async sum(): Promise<string> {
    const line = await this.line();
    const [sum = ""] = line.split(" ");
    if (!/^[0-9a-f]{64}$/.test(sum)) {
      throw new RehomeError("agent-failed", `sha256sum on the source printed "${line}"`, {
        machine: this.link.host.name,
      });
    }
    return sum;
  }

  private async line(): Promise<string> {
    const line = await this.link.reader.takeLine();
    if (line === undefined) throw await this.ended();
    return line;
  }

  private ask(line: string): void {
    this.link.write(Buffer.from(`${line}\n`));
  }

  private ended(disk?: number, chunk?: number): Promise<RehomeError> {
    return this.link.ended((exitCode) => {
      if (disk === undefined || chunk === undefined || (exitCode !== 3 && exitCode !== 4)) return undefined;
      const error = exitCode === 4 ? "ENOENT" : "EIO";
      return readFailed(this.link.host.name, this.link.disks[disk], chunk * CHUNK_SIZE, error, this.link.said);
    });
  }
}

/** Of the blocks in a bitmap those that are not zeros. */
function blocksWithData(
  chunk: Buffer,
  wanted: number,
): { readonly bitmap: number; readonly pieces: readonly Buffer[] } {
  let bitmap = 0;
  const pieces: Buffer[] = [];
  for (let block = 0; block * BLOCK_SIZE < chunk.length; block += 1) {
    const piece = chunk.subarray(block * BLOCK_SIZE, (block + 1) * BLOCK_SIZE);
    if (((wanted >> block) & 1) === 0 || isZero(piece)) continue;
    bitmap |= 1 << block;
    pieces.push(piece);
  }
  return { bitmap, pieces };
}

function diskFacts(size: string, direct: boolean, blockDevice: boolean): HelloDisk {
  const bytes = Number(size);
  if (!Number.isInteger(bytes) || bytes === 0) {
    return { size: 0, direct: false, blockDevice, head: "", serials: [], error: "ENOENT" };
  }
  return { size: bytes, direct, blockDevice, head: "", serials: [] };
}

function withSerial(disk: HelloDisk | undefined, serial: string): HelloDisk {
  if (disk === undefined) throw new RehomeError("agent-failed", "the reader on the source named a serial of no disk");
  return { ...disk, serials: [...disk.serials, serial] };
}
