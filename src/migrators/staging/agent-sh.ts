import { deflateSync } from "node:zlib";
import { hash } from "node:crypto";
import { RehomeError } from "../../lib/errors.js";
import type { Host, HostProcess } from "../../lib/host/types.js";
import { readTemplate } from "../../lib/templates.js";
import { collectErrors, endAgent, endedEarly, readFailed } from "./agent-process.js";
import type { OpenAgentOptions, ScanRequest, SourceAgent } from "./agent-types.js";
import { ByteReader } from "./byte-reader.js";
import { isZero, ZERO_MARK } from "./digest.js";
import { PROTOCOL_VERSION, type Hello, type HelloDisk } from "./protocol.js";
import type { Throttle } from "./throttle.js";
import { BLOCK_SIZE, CHUNK_SIZE, DIGEST_SIZE, type AgentInfo } from "./types.js";

/** Reads the program from standard input and runs it; all that follows there is the program's. */
const BOOTSTRAP = 'eval "$(dd bs=1 count="$1" 2>/dev/null)"';
/** Chunks that are hashed together first: starting dd and sha256sum costs as much as hashing some hundred KiB. */
const PIECE = 16;
const HEAD_CHUNKS = 2;

/** The slow reader, for sources without python. @throws RehomeError source-tool-missing */
export async function openShellAgent(options: OpenAgentOptions): Promise<SourceAgent> {
  const { host, disks, limit, signal } = options;
  const program = Buffer.from(await readTemplate("source-agent.sh"));
  const argv = ["sh", "-c", BOOTSTRAP, "rehome", `${program.length}`, ...disks];
  const process = await host.start(argv, signal && { signal });
  const agent = new ShellAgent(host, process, disks, limit, signal);
  try {
    await agent.begin(program);
  } catch (thrown) {
    await agent.close();
    throw thrown;
  }
  return agent;
}

class ShellAgent implements SourceAgent {
  readonly depth = 1;
  readonly info: AgentInfo = { kind: "sh", name: "sh, dd and sha256sum" };
  private readonly reader: ByteReader;
  private readonly said: () => string;
  private sent = 0;
  private greeting: Hello | undefined;

  constructor(
    private readonly host: Host,
    private readonly process: HostProcess,
    private readonly disks: readonly string[],
    private readonly limit: Throttle,
    private readonly signal: AbortSignal | undefined,
  ) {
    this.reader = new ByteReader(process.stdout, limit);
    this.said = collectErrors(process);
    process.stdin.on("error", () => undefined); // the end of standard output tells why
  }

  get hello(): Hello {
    if (this.greeting === undefined) throw new RehomeError("internal", "the agent has not said hello");
    return this.greeting;
  }

  async begin(program: Buffer): Promise<void> {
    this.write(program);
    let bootId = "";
    const disks: HelloDisk[] = [];
    for (let line = await this.line(); line !== "ready"; line = await this.line()) {
      const [word, first = "", flags, block] = line.split(" ");
      if (word === "boot") bootId = first;
      if (word === "serial") disks.push(withSerial(disks.pop(), line.slice("serial ".length).trim()));
      if (word === "disk") disks.push(diskFacts(first, flags === "iflag=direct", block === "1"));
      if (word === "missing") {
        throw new RehomeError("source-tool-missing", `${first} is not installed, nor is python`, {
          machine: this.host.name,
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
    this.greeting = { version: PROTOCOL_VERSION, name: this.info.name, bootId, disks: withHeads };
  }

  wireBytes(): number {
    return this.sent + this.reader.received;
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

  close(): Promise<void> {
    this.reader.discard();
    return endAgent(this.process);
  }

  private bytes(disk: number, chunk: number, count: number): number {
    const size = this.greeting?.disks[disk]?.size ?? 0;
    return Math.min(count * CHUNK_SIZE, size - chunk * CHUNK_SIZE);
  }

  private async read(disk: number, chunk: number, count: number, bytes: number): Promise<Buffer> {
    this.ask(`read ${disk} ${chunk} ${count}`);
    const data = await this.reader.take(bytes);
    if (data === undefined) throw await this.ended(disk, chunk);
    return data;
  }

  private async sum(): Promise<string> {
    const line = await this.line();
    const [sum = ""] = line.split(" ");
    if (!/^[0-9a-f]{64}$/.test(sum)) {
      throw new RehomeError("agent-failed", `sha256sum on the source printed "${line}"`, { machine: this.host.name });
    }
    return sum;
  }

  private async line(): Promise<string> {
    const line = await this.reader.takeLine();
    if (line === undefined) throw await this.ended();
    return line;
  }

  private ask(line: string): void {
    this.write(Buffer.from(`${line}\n`));
  }

  private write(data: Buffer): void {
    this.sent += data.length;
    this.limit.take(data.length);
    this.process.stdin.write(data);
  }

  private async ended(disk?: number, chunk?: number): Promise<RehomeError> {
    const early = await endedEarly(this.host, this.process, this.said, this.signal);
    const exitCode = await this.process.exited.catch(() => undefined);
    if (disk === undefined || chunk === undefined || (exitCode !== 3 && exitCode !== 4)) return early;
    const error = exitCode === 4 ? "ENOENT" : "EIO";
    return readFailed(this.host.name, this.disks[disk], chunk * CHUNK_SIZE, error, this.said());
  }
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
