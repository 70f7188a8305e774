import { once } from "node:events";
import { RehomeError } from "../errors.js";
import { noPython, startPython } from "../host/python.js";
import type { Host, HostProcess } from "../host/types.js";
import { readTemplate } from "../templates.js";

/** A program on another machine that serves one of its disks to one client, over its standard input and output. */
export interface DiskReader {
  readonly process: HostProcess;
  /** Of the disk, in bytes. */
  readonly size: number;
  /** Resolves once it has ended; with the reason when it should not have. Never rejects. */
  readonly ended: Promise<RehomeError | undefined>;
  /** What it said of reads that failed, so far. */
  readFailure(): RehomeError | undefined;
}

export interface ReaderOptions {
  readonly interpreters?: readonly string[];
  readonly signal?: AbortSignal;
}

/** What templates/nbd-server.py imports. */
const MODULES = "errno, io, json, mmap, os, stat, struct, sys";

const GONE = ["ENOENT", "ENXIO", "ENODEV", "ENOMEDIUM"];

/**
 * Starts a reader, up to where it waits for its client.
 * @throws RehomeError source-tool-missing, disk-missing, source-read-failed, agent-failed, connection-lost, cancelled
 */
export async function openReader(host: Host, path: string, options: ReaderOptions): Promise<DiskReader> {
  const where = { machine: host.name, path };
  const program = await readTemplate("nbd-server.py");
  const process = await startPython(host, { program, modules: MODULES, args: [path], ...options });
  let said = "";
  process.stderr.on("data", (data: Buffer) => (said = (said + data.toString()).slice(-4096)));
  const ended = process.exited.then(
    (code) => {
      if (code === 0) return undefined;
      if (options.signal?.aborted) return new RehomeError("cancelled", "reading the disk was stopped", where);
      const text = `the reader of the disk ended with exit code ${code}`;
      return noPython(host, code) ?? new RehomeError("agent-failed", text, { ...where, output: said.trim() });
    },
    (thrown: unknown) => lost(where, thrown),
  );
  const hello = parseHello(await firstLine(process.stdout));
  if (hello === undefined) {
    process.kill();
    throw (await ended) ?? new RehomeError("agent-failed", "the reader of the disk said nothing", where);
  }
  if ("error" in hello) throw unreadable(hello, where);
  return { process, size: hello.size, ended, readFailure: () => (said === "" ? undefined : badRead(said, where)) };
}

interface Where {
  readonly machine: string;
  readonly path: string;
}

function lost(where: Where, thrown: unknown): RehomeError {
  if (thrown instanceof RehomeError) return thrown;
  return new RehomeError("connection-lost", "the connection to the machine broke", { ...where, cause: thrown });
}

function unreadable({ error, message }: Problem, where: Where): RehomeError {
  const details = { ...where, output: message, remedy: "look at the machine (dmesg, lsblk)" };
  if (GONE.includes(error)) return new RehomeError("disk-missing", "there is no such disk", details);
  return new RehomeError("source-read-failed", `the disk cannot be read (${error})`, details);
}

function badRead(said: string, where: Where): RehomeError {
  const remedy = "look at the machine (dmesg, smartctl): the disk may be dying";
  return new RehomeError("source-read-failed", "the disk cannot be read", { ...where, output: said.trim(), remedy });
}

/** @param error errno's name */
interface Problem {
  readonly error: string;
  readonly message: string;
}

/** The program's first line; undefined when it is none of its. */
function parseHello(line: string | undefined): { readonly size: number } | Problem | undefined {
  try {
    const value = JSON.parse(line ?? "") as Partial<Record<"size" | "error" | "message", unknown>> | null;
    if (typeof value?.size === "number") return { size: value.size };
    if (typeof value?.error === "string") return { error: value.error, message: String(value.message) };
    return undefined;
  } catch {
    return undefined; // the caller tells how the program ended
  }
}

/** A line; what comes after it stays in the stream. Undefined when the stream ended before one. */
async function firstLine(stream: HostProcess["stdout"]): Promise<string | undefined> {
  let line = Buffer.alloc(0);
  for (;;) {
    const data = stream.read() as Buffer | null;
    if (data === null) {
      if (stream.readableEnded || stream.destroyed) return undefined;
      await Promise.race(["readable", "end", "close"].map((event) => once(stream, event)));
      continue;
    }
    line = Buffer.concat([line, data]);
    const end = line.indexOf(10);
    if (end === -1) continue;
    if (end + 1 < line.length) stream.unshift(line.subarray(end + 1));
    return line.subarray(0, end).toString();
  }
}
