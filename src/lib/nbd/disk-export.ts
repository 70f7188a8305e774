import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asRehomeError, RehomeError } from "../errors.js";
import type { Host } from "../host/types.js";
import { openReader, type DiskReader, type ReaderOptions } from "./reader.js";

/** A disk of another machine that QEMU, libguestfs and libnbd can read here as if it were a local one. */
export interface DiskExport {
  /** The NBD server's socket on this machine; every connection to it has a reader of its own on the other one. */
  readonly socket: string;
  /** `nbd:unix:PATH`, as QEMU's programs take it. */
  readonly qemuPath: string;
  /** `nbd+unix:///?socket=PATH`, as libnbd's programs take it. */
  readonly uri: string;
  /** Bytes. */
  readonly size: number;
  /** What went wrong so far: a client is only told that a read failed. */
  failure(): RehomeError | undefined;
  /** Ends the connections and their readers, and waits until they are gone. */
  close(): Promise<void>;
}

/**
 * Serves a disk (a block device, or a file) of a machine for reading, on a unix socket of this machine that only this
 * user can open. Nothing is installed or written there: a program in memory reads with O_DIRECT, past the page cache,
 * which may be stale. A disk in use is never consistent: read a snapshot of it.
 * @throws RehomeError source-tool-missing without python, disk-missing, source-read-failed, agent-failed, connection-lost, cancelled
 */
export async function exportDisk(host: Host, path: string, options: ReaderOptions = {}): Promise<DiskExport> {
  const first = await openReader(host, path, options);
  const folder = await mkdtemp(join(tmpdir(), "rehome-nbd-")); // for its user alone
  const socket = join(folder, "disk");
  const clients = new Clients(() => openReader(host, path, options), first);
  const server = createServer({ pauseOnConnect: true }, (client) => clients.add(client));
  const close = async (): Promise<void> => {
    server.close();
    await clients.close();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await listen(server, socket);
  } catch (thrown) {
    await close();
    throw thrown;
  }
  return {
    socket,
    qemuPath: `nbd:unix:${socket}`,
    uri: `nbd+unix:///?socket=${socket}`,
    size: first.size,
    failure: () => clients.failure,
    close,
  };
}

/** Serves a disk while `work` runs. When the disk could not be read, that is the error, whatever its client made of it. */
export async function withDiskExport<T>(
  host: Host,
  path: string,
  options: ReaderOptions,
  work: (disk: DiskExport) => Promise<T>,
): Promise<T> {
  const disk = await exportDisk(host, path, options);
  try {
    return await work(disk);
  } catch (thrown) {
    throw disk.failure() ?? thrown;
  } finally {
    await disk.close();
  }
}

async function listen(server: Server, path: string): Promise<void> {
  try {
    server.listen(path);
    await once(server, "listening");
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RehomeError("file-unwritable", `cannot listen: ${reason}`, { path, cause });
  }
}

/** A reader that does not end with its input is killed after this many ms. */
const END_GRACE_MS = 3000;

/** The clients, each with a reader; the first one takes the reader that was started to see whether there is a disk. */
class Clients {
  private readonly serving = new Set<Promise<void>>();
  private readonly sockets = new Set<Socket>();
  private failed: RehomeError | undefined;
  private readers: DiskReader[] = [];
  private closed = false;

  constructor(
    private readonly open: () => Promise<DiskReader>,
    private spare: DiskReader | undefined,
  ) {}

  get failure(): RehomeError | undefined {
    return this.failed ?? this.readers.map((reader) => reader.readFailure()).find((failure) => failure !== undefined);
  }

  add(client: Socket): void {
    this.sockets.add(client);
    client.on("error", () => undefined); // it is gone, and its reader ends with it
    const served = this.serve(client).finally(() => {
      client.destroy();
      this.sockets.delete(client);
      this.serving.delete(served);
    });
    this.serving.add(served);
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const socket of this.sockets) socket.destroy();
    if (this.spare !== undefined) this.serving.add(end(this.spare));
    await Promise.all(this.serving);
  }

  /** Joins a client to a reader until one of them goes. Never rejects. */
  private async serve(client: Socket): Promise<void> {
    try {
      const gone = once(client, "close").then(nothing, nothing); // after an error it closes, too
      const reader = this.spare ?? (await this.open());
      this.spare = undefined;
      this.readers.push(reader);
      reader.process.stdout.pipe(client);
      client.pipe(reader.process.stdin);
      const reason = await Promise.race([reader.ended, gone]);
      if (reason !== undefined && !this.closed) this.failed ??= reason;
      await end(reader);
    } catch (thrown) {
      if (!this.closed) this.failed ??= asRehomeError(thrown);
    }
  }
}

async function end({ process, ended }: DiskReader): Promise<void> {
  process.stdin.end();
  process.stdout.unpipe();
  process.stdout.resume();
  const timer = setTimeout(() => process.kill(), END_GRACE_MS);
  await ended;
  clearTimeout(timer);
}

function nothing(): undefined {
  return undefined;
}
