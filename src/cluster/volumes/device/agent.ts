import { ByteReader } from "../../../lib/byte-reader.js";
import { RehomeError } from "../../../lib/errors.js";
import { framedProgram, PYTHON_BOOTSTRAP } from "../../../lib/host/python.js";
import type { Host, HostProcess } from "../../../lib/host/types.js";
import { readTemplate } from "../../../lib/templates.js";
import { throttle } from "../../../lib/throttle.js";
import {
  ANSWER,
  ANSWER_HEADER_SIZE,
  decodeAnswerHeader,
  DIGEST_PIECE,
  encodeRequest,
  PROTOCOL_VERSION,
  type AnswerHeader,
  type Hello,
  type Request,
} from "./protocol.js";

/** Bytes that were sent and are not answered yet, before whoever sends more has to wait. */
const IN_FLIGHT = 16 * 1024 * 1024;
/** A writer that has ended its work is killed after this many ms. */
const END_GRACE_MS = 3000;

export interface AgentOptions {
  /** For a device that something else has open, such as the disk below DRBD. */
  readonly readOnly?: boolean;
  readonly signal?: AbortSignal | undefined;
}

interface Waiting {
  readonly resolve: (payload: Buffer) => void;
  readonly reject: (reason: RehomeError) => void;
}

/** The writer of one volume on a machine: requests on their way, and their answers. */
export class VolumeAgent {
  private readonly reader: ByteReader;
  private readonly waiting = new Map<number, Waiting>();
  private readonly queue: (() => void)[] = [];
  private inFlight = 0;
  private last = 0;
  private said = "";
  private failure: RehomeError | undefined;
  private receiving: Promise<void> = Promise.resolve();

  private constructor(
    private readonly host: Host,
    private readonly process: HostProcess,
    private readonly path: string,
    private readonly signal: AbortSignal | undefined,
  ) {
    this.reader = new ByteReader(process.stdout, throttle(undefined));
    process.stderr.on("data", (data: Buffer) => (this.said = (this.said + data.toString()).slice(-4096)));
    process.stdin.on("error", () => undefined); // the end of standard output tells why
  }

  /**
   * Starts the writer of a device or file.
   * @throws RehomeError volume-busy, volume-missing, target-write-failed, tool-missing, agent-failed, connection-lost
   */
  static async open(
    host: Host,
    path: string,
    { readOnly = false, signal }: AgentOptions = {},
  ): Promise<{ readonly agent: VolumeAgent; readonly hello: Hello }> {
    const process = await host.start(
      ["python3", "-c", PYTHON_BOOTSTRAP, path, ...(readOnly ? ["read"] : [])],
      signal && { signal },
    );
    const agent = new VolumeAgent(host, process, path, signal);
    try {
      process.stdin.write(framedProgram(await readTemplate("volume-agent.py")));
      const hello = await agent.begin();
      return { agent, hello };
    } catch (thrown) {
      await agent.close();
      throw thrown;
    }
  }

  /** @param payload what is written, as long as the request says @returns what was asked for */
  async ask(request: Request, payload: readonly Buffer[] = []): Promise<Buffer> {
    const bytes = payload.reduce((sum, { length }) => sum + length, 0);
    while (this.failure === undefined && this.inFlight > 0 && this.inFlight + bytes > IN_FLIGHT) {
      await new Promise<void>((resolve) => this.queue.push(resolve));
    }
    if (this.failure) throw this.failure;
    this.inFlight += bytes;
    const number = (this.last += 1);
    try {
      return await new Promise<Buffer>((resolve, reject) => {
        this.waiting.set(number, { resolve, reject });
        this.process.stdin.cork();
        this.process.stdin.write(encodeRequest(request, number));
        for (const piece of payload) this.process.stdin.write(piece);
        this.process.stdin.uncork();
      });
    } finally {
      this.inFlight -= bytes;
      for (const wake of this.queue.splice(0)) wake();
    }
  }

  async close(): Promise<void> {
    this.fail(new RehomeError("cancelled", "the writer of the volume was closed"));
    await this.receiving;
    const killing = setTimeout(() => this.process.kill(), END_GRACE_MS);
    await new Promise<void>((resolve) => {
      const late = setTimeout(resolve, 2 * END_GRACE_MS); // nobody can tell any more
      void this.process.exited
        .catch(() => undefined)
        .then(() => {
          clearTimeout(late);
          resolve();
        });
    });
    clearTimeout(killing);
  }

  private async begin(): Promise<Hello> {
    const first = await this.nextAnswer();
    if (first?.header.type === ANSWER.error) throw this.problem(first.payload);
    if (first?.header.type !== ANSWER.hello) throw await this.ended();
    const hello = JSON.parse(first.payload.toString()) as Hello;
    if (hello.version !== PROTOCOL_VERSION) throw this.nonsense(`protocol ${hello.version}`);
    this.receiving = this.receive();
    return hello;
  }

  private async receive(): Promise<void> {
    try {
      for (;;) {
        const next = await this.nextAnswer();
        if (next === undefined) throw this.failure ?? (await this.ended());
        const { header, payload } = next;
        const waiting = this.waiting.get(header.number);
        if (waiting === undefined) throw this.nonsense(`an answer that nobody asked for (${header.number})`);
        this.waiting.delete(header.number);
        if (header.type === ANSWER.error) waiting.reject(this.problem(payload));
        else waiting.resolve(payload);
      }
    } catch (thrown) {
      this.fail(thrown instanceof RehomeError ? thrown : this.nonsense(String(thrown)));
    }
  }

  private async nextAnswer(): Promise<{ readonly header: AnswerHeader; readonly payload: Buffer } | undefined> {
    const head = await this.reader.take(ANSWER_HEADER_SIZE);
    if (head === undefined) return undefined;
    const header = decodeAnswerHeader(head);
    if (header.length > DIGEST_PIECE) throw this.nonsense(`an answer of ${header.length} bytes`);
    const payload = await this.reader.take(header.length);
    return payload && { header, payload };
  }

  /** Nothing is answered any more: whoever waits learns why. */
  private fail(problem: RehomeError): void {
    this.failure ??= problem;
    for (const { reject } of this.waiting.values()) reject(this.failure);
    this.waiting.clear();
    for (const wake of this.queue.splice(0)) wake();
    this.reader.discard();
    this.process.stdin.end();
  }

  private async ended(): Promise<RehomeError> {
    const machine = this.host.name;
    if (this.signal?.aborted) return new RehomeError("cancelled", "writing to the volume was stopped", { machine });
    const remedy = "run the same command again: it goes on where it stopped";
    try {
      const exitCode = await this.process.exited;
      if (exitCode === 127) {
        return new RehomeError("tool-missing", "there is no python3", { machine, remedy: "apt-get install python3" });
      }
      const text = `the writer of the volume ended with exit code ${exitCode}`;
      return new RehomeError("agent-failed", text, { machine, output: this.said.trim(), remedy });
    } catch (thrown) {
      if (thrown instanceof RehomeError) return thrown;
      const text = "the connection to the volume's machine broke";
      return new RehomeError("connection-lost", text, { machine, remedy, cause: thrown });
    }
  }

  private problem(payload: Buffer): RehomeError {
    const { error, message } = JSON.parse(payload.toString()) as { error: string; message: string };
    const where = { machine: this.host.name, path: this.path };
    switch (error) {
      case "ENOSPC":
      case "EDQUOT":
        return new RehomeError("target-full", "no space left on the target", {
          ...where,
          remedy: "make room and run the same command again: it goes on where it stopped",
        });
      case "EBUSY":
        return new RehomeError("volume-busy", "something else uses the volume", {
          ...where,
          remedy: "find out what (lsblk, lsof): a guest that runs, or another rehome",
        });
      case "ENOENT":
      case "ENXIO":
        return new RehomeError("volume-missing", "the volume is not there", where);
      default:
        return new RehomeError("target-write-failed", `the volume cannot be written or read: ${message}`, {
          ...where,
          remedy: "look at the machine (dmesg, drbdadm status); then run the same command again",
        });
    }
  }

  private nonsense(what: string): RehomeError {
    return new RehomeError("agent-failed", `the writer of the volume sent ${what}`, { machine: this.host.name });
  }
}
