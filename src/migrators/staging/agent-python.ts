import { inflateSync } from "node:zlib";
import { RehomeError } from "../../lib/errors.js";
import { readTemplate } from "../../lib/templates.js";
import { readFailed, type AgentLink } from "./agent-process.js";
import type { BlocksRequest, ScanRequest, ScanSink, SourceAgent } from "./agent-types.js";
import {
  decodeFrameHeader,
  encodeFrame,
  FLAG,
  FRAME,
  FRAME_HEADER_SIZE,
  MAX_PAYLOAD,
  PROTOCOL_VERSION,
  u16,
  u32,
  type FrameHeader,
  type Hello,
} from "./protocol.js";
import { DIGEST_SIZE, type AgentInfo } from "./types.js";

/** The fast reader, on a link whose other end waits for a program in python. */
export async function openPythonAgent(link: AgentLink): Promise<SourceAgent> {
  link.sendProgram(await readTemplate("source-agent.py"));
  const agent = new PythonAgent(link);
  await agent.begin();
  return agent;
}

/** A frame that came; of a data frame, the payload is the bitmap, and the blocks are `data`. */
interface Frame {
  readonly header: FrameHeader;
  readonly payload: Buffer;
  readonly data: readonly Buffer[];
}

const BITMAP_SIZE = 2;
const NOTHING = Buffer.alloc(0);

/** A scan that is being answered. */
interface ActiveScan {
  readonly request: ScanRequest;
  /** Changed chunks whose data has not come yet, or about which nobody decided yet. */
  open: number;
  finished: boolean;
  readonly resolve: () => void;
  readonly reject: (reason: RehomeError) => void;
}

class PythonAgent implements SourceAgent {
  readonly depth = 2;
  private scans: ActiveScan[] = [];
  /** Chunks whose blocks were asked for, as `disk:chunk`. */
  private readonly wanted = new Set<string>();
  private failure: RehomeError | undefined;
  private outbox: Buffer[] = [];
  private greeting: Hello | undefined;
  private receiving: Promise<void> = Promise.resolve();
  /** Who waits to hear of the disks that are being opened. */
  private opening: Pick<ActiveScan, "resolve" | "reject"> | undefined;

  constructor(private readonly link: AgentLink) {}

  get hello(): Hello {
    if (this.greeting === undefined) throw new RehomeError("internal", "the agent has not said hello");
    return this.greeting;
  }

  get info(): AgentInfo {
    return { kind: "python", name: this.hello.name };
  }

  async begin(): Promise<void> {
    const frame = await this.nextFrame();
    if (frame?.header.type === FRAME.error) throw this.sourceError(frame.payload);
    if (frame?.header.type !== FRAME.hello) throw await this.link.ended();
    this.greet(frame.payload);
    this.receiving = this.receive();
  }

  private greet(payload: Buffer): void {
    this.greeting = JSON.parse(payload.toString()) as Hello;
    if (this.greeting.version !== PROTOCOL_VERSION) throw this.nonsense(`protocol ${this.greeting.version}`);
  }

  open(disks: readonly string[]): Promise<void> {
    if (this.failure) return Promise.reject(this.failure);
    if (this.scans.length > 0 || this.opening !== undefined) {
      return Promise.reject(new RehomeError("internal", "the reader on the source is busy"));
    }
    this.link.disks = disks;
    const paths = Buffer.from(disks.map((path) => `${path}\0`).join(""));
    const heard = new Promise<void>((resolve, reject) => (this.opening = { resolve, reject }));
    this.post(encodeFrame(FRAME.open, 0, 0, 0, paths));
    return heard;
  }

  wireBytes(): number {
    return this.link.wireBytes();
  }

  scan(request: ScanRequest): Promise<void> {
    const zeros = request.known === "zeros";
    const flags = (zeros ? FLAG.targetZero : 0) | (request.compare ? FLAG.compare : 0);
    return this.ask(request, flags, request.known === "zeros" ? NOTHING : request.known);
  }

  readBlocks({ disk, first, bitmaps, sink }: BlocksRequest): Promise<void> {
    const unasked = (): never => {
      throw this.nonsense("a comparison that nobody asked for");
    };
    const answers: ScanSink = {
      data: (chunk, bitmap, pieces) => sink.data(chunk, bitmap, pieces),
      travelled: (bytes) => sink.travelled(bytes),
      zeros: unasked,
      differs: unasked,
      changed: unasked,
      own: unasked,
    };
    const request = { disk, first, count: bitmaps.length, known: "zeros", compare: false, sink: answers } as const;
    return this.ask(request, FLAG.blocks, Buffer.concat(bitmaps.map(u16)));
  }

  /** Sends a scan; resolves when all answers have come. */
  private ask(request: ScanRequest, flags: number, payload: Buffer): Promise<void> {
    if (this.failure) return Promise.reject(this.failure);
    this.post(encodeFrame(FRAME.scan, flags, request.disk, request.first, u32(request.count), payload), request.sink);
    return new Promise((resolve, reject) => this.scans.push({ request, open: 0, finished: false, resolve, reject }));
  }

  async close(): Promise<void> {
    this.failure ??= new RehomeError("cancelled", "the reader on the source was closed");
    await this.link.close();
    await this.receiving;
  }

  /** Sends now what was asked for in this turn of the event loop: small frames of their own would cost a packet each. */
  private post(frame: Buffer, sink?: ScanSink): void {
    sink?.travelled(frame.length);
    this.outbox.push(frame);
    if (this.outbox.length > 1) return;
    setImmediate(() => {
      if (this.failure === undefined) this.link.write(Buffer.concat(this.outbox));
      this.outbox = [];
    });
  }

  private async receive(): Promise<void> {
    try {
      for (;;) {
        const frame = await this.nextFrame();
        if (frame === undefined) throw await this.link.ended();
        const waiting = this.handle(frame);
        if (waiting) await waiting;
      }
    } catch (thrown) {
      this.fail(thrown);
    }
  }

  private async nextFrame(): Promise<Frame | undefined> {
    const head = await this.link.reader.take(FRAME_HEADER_SIZE);
    if (head === undefined) return undefined;
    const header = decodeFrameHeader(head);
    if (header.length > MAX_PAYLOAD) throw this.nonsense(`a frame of ${header.length} bytes`);
    const bitmapSize = header.type === FRAME.data ? BITMAP_SIZE : header.length;
    const payload = await this.link.reader.take(bitmapSize);
    const data = await this.link.reader.takePieces(header.length - bitmapSize);
    return payload && data && { header, payload, data };
  }

  /** Not async: most frames are handled without waiting, and there are many. */
  private handle({ header, payload, data }: Frame): void | Promise<void> {
    if (header.type === FRAME.error) throw this.sourceError(payload);
    if (header.type === FRAME.hello && this.opening !== undefined) {
      this.greet(payload);
      this.opening.resolve();
      this.opening = undefined;
      return;
    }
    const scan = this.scans.find(
      ({ request }) =>
        request.disk === header.disk && header.chunk >= request.first && header.chunk < request.first + request.count,
    );
    if (scan === undefined) throw this.nonsense(`an answer that nobody asked for (chunk ${header.chunk})`);
    const { sink } = scan.request;
    sink.travelled(FRAME_HEADER_SIZE + header.length);
    switch (header.type) {
      case FRAME.zeros:
        sink.zeros(header.chunk, payload.readUInt32BE(0));
        return;
      case FRAME.changed:
        scan.open += 1;
        void this.decide(scan, header, payload).catch((thrown: unknown) => this.fail(thrown));
        return;
      case FRAME.data: {
        const bitmap = payload.readUInt16BE(0);
        const waiting = sink.data(header.chunk, bitmap, header.flags & FLAG.compressed ? unpacked(data) : data);
        if (scan.request.known !== "zeros") this.answered(scan, header.chunk);
        return waiting;
      }
      case FRAME.differs:
        sink.differs(header.chunk);
        return;
      case FRAME.finished:
        scan.finished = true;
        this.settle(scan);
        return;
      default:
        throw this.nonsense(`a frame of type ${header.type}`);
    }
  }

  /** Asks for the blocks of a changed chunk that the target does not have. */
  private async decide(scan: ActiveScan, header: FrameHeader, payload: Buffer): Promise<void> {
    const digest = payload.subarray(0, DIGEST_SIZE);
    const bitmap = await scan.request.sink.changed(header.chunk, digest, payload.subarray(DIGEST_SIZE));
    if (bitmap === 0) {
      scan.open -= 1;
      this.settle(scan);
    } else {
      this.wanted.add(`${header.disk}:${header.chunk}`);
    }
    this.post(encodeFrame(FRAME.want, 0, header.disk, header.chunk, u16(bitmap)), scan.request.sink);
  }

  private answered(scan: ActiveScan, chunk: number): void {
    if (!this.wanted.delete(`${scan.request.disk}:${chunk}`)) return; // it came unasked: the target had zeros there
    scan.open -= 1;
    this.settle(scan);
  }

  private settle(scan: ActiveScan): void {
    if (!scan.finished || scan.open > 0) return;
    this.scans = this.scans.filter((other) => other !== scan);
    scan.resolve();
  }

  private fail(thrown: unknown): void {
    const problem =
      thrown instanceof RehomeError
        ? thrown
        : new RehomeError("agent-failed", thrown instanceof Error ? thrown.message : String(thrown), {
            machine: this.link.host.name,
            cause: thrown,
          });
    this.failure ??= problem;
    for (const scan of this.scans) scan.reject(this.failure);
    this.scans = [];
    this.opening?.reject(this.failure);
    this.opening = undefined;
    void this.link.close();
  }

  private nonsense(what: string): RehomeError {
    return new RehomeError("agent-failed", `the reader on the source sent ${what}`, { machine: this.link.host.name });
  }

  private sourceError(payload: Buffer): RehomeError {
    const problem = JSON.parse(payload.toString()) as {
      disk?: number;
      offset?: number;
      error: string;
      message: string;
    };
    const path = problem.disk === undefined ? undefined : this.link.disks[problem.disk];
    return readFailed(this.link.host.name, path, problem.offset ?? undefined, problem.error, problem.message);
  }
}

function unpacked(pieces: readonly Buffer[]): readonly Buffer[] {
  return [inflateSync(Buffer.concat(pieces))];
}
