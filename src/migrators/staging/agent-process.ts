import { RehomeError } from "../../lib/errors.js";
import { framedProgram } from "../../lib/host/python.js";
import type { Host, HostProcess } from "../../lib/host/types.js";
import { ByteReader } from "../../lib/byte-reader.js";
import type { Throttle } from "../../lib/throttle.js";

/** A reader that waits for no end of its input is killed after this many ms, and after as many more given up. */
const END_GRACE_MS = 3000;

/** A program that was started on the source to read disks, and what travelled to and from it. */
export class AgentLink {
  readonly reader: ByteReader;
  private sent = 0;
  private saidLast = "";

  constructor(
    readonly host: Host,
    private readonly process: HostProcess,
    /** Paths of the disks that are open. */
    public disks: readonly string[],
    private readonly limit: Throttle,
    private readonly signal: AbortSignal | undefined,
  ) {
    this.reader = new ByteReader(process.stdout, limit);
    process.stderr.on("data", (data: Buffer) => (this.saidLast = (this.saidLast + data.toString()).slice(-4096)));
    process.stdin.on("error", () => undefined); // the end of standard output tells why
  }

  /** The end of what it said on standard error. */
  get said(): string {
    return this.saidLast.trim();
  }

  wireBytes(): number {
    return this.sent + this.reader.received;
  }

  write(data: Buffer): void {
    this.sent += data.length;
    this.limit.take(data.length);
    this.process.stdin.write(data);
  }

  /** Sends a program as the bootstraps in agent.ts take it. */
  sendProgram(text: string): void {
    this.write(framedProgram(text));
  }

  /** Why the output ended. @param onExit a better reason for an exit code */
  async ended(onExit: (exitCode: number) => RehomeError | undefined = () => undefined): Promise<RehomeError> {
    if (this.signal?.aborted) return new RehomeError("cancelled", "staging was stopped");
    const remedy = "run the same command again: it goes on where it stopped";
    const machine = this.host.name;
    try {
      const exitCode = await this.process.exited;
      const text = `the reader on the source ended with exit code ${exitCode}`;
      return onExit(exitCode) ?? new RehomeError("agent-failed", text, { machine, output: this.said, remedy });
    } catch (thrown) {
      if (thrown instanceof RehomeError) return thrown;
      const text = "the connection to the source broke";
      return new RehomeError("connection-lost", text, { machine, remedy, cause: thrown });
    }
  }

  /** Ends the program, which ends with its input, and waits until it is gone or nobody can tell any more. */
  async close(): Promise<void> {
    this.reader.discard();
    this.process.stdin.end();
    if (await endedWithin(this.process, END_GRACE_MS)) return;
    this.process.kill();
    await endedWithin(this.process, END_GRACE_MS);
  }
}

async function endedWithin({ exited }: HostProcess, ms: number): Promise<boolean> {
  const gone = exited.then(
    () => true,
    () => true,
  );
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => (timer = setTimeout(() => resolve(false), ms)));
  try {
    return await Promise.race([gone, late]);
  } finally {
    clearTimeout(timer);
  }
}

const GONE = ["ENOENT", "ENXIO", "ENODEV", "ENOMEDIUM"];

/** A disk of the source that cannot be read. @param error errno's name */
export function readFailed(
  machine: string,
  path: string | undefined,
  offset: number | undefined,
  error: string,
  message: string,
): RehomeError {
  const where = { machine, ...(path !== undefined && { path }), output: message };
  if (error === "EPROTO") return new RehomeError("agent-failed", "the reader on the source failed", where);
  if (GONE.includes(error)) {
    return new RehomeError("disk-missing", "the disk is gone", {
      ...where,
      remedy: "look at the source (dmesg, lsblk); when the disk is back, run the same command again",
    });
  }
  const place = offset === undefined ? "" : ` at byte ${offset}`;
  return new RehomeError("source-read-failed", `the disk cannot be read${place} (${error})`, {
    ...where,
    remedy: "look at the source (dmesg, smartctl): the disk may be dying; what was copied is kept",
  });
}
