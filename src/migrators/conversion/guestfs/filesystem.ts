import { RehomeError } from "../../../lib/errors.js";
import type { FileStatus, GuestFilesystem } from "../types.js";
import { ARGUMENT_LIMIT, guestfishList } from "./quote.js";
import { FINGERPRINT_SCRIPT, FINGERPRINT_TIMEOUT_MS, parseFingerprint } from "./fingerprint.js";
import { GuestfishError, type GuestfishSession } from "./session.js";

/** Configuration is small: a larger file is no configuration, or is meant to do harm. */
const READ_LIMIT = 8 * 1024 * 1024;
/** libguestfs carries at most 4 MiB in a message. */
const PIECE = 1024 * 1024;

/** A kernel's modules are some hundred MiB; an emulated appliance takes a minute. */
const UNPACK_TIMEOUT_MS = 600_000;

const S_IFMT = 0o170000;
const TYPES: Readonly<Record<number, FileStatus["type"]>> = { 0o100000: "file", 0o040000: "folder" };

export interface FilesystemOptions {
  /** The guest's name in messages. */
  readonly machine: string;
  /** The appliance's name of one of the guest's disks. */
  readonly applianceDevice: (device: string) => string;
  /** Puts data into a file beside guestfish, which reads it from there. @returns its path */
  readonly stage: (data: Buffer) => Promise<string>;
}

/** The file systems that a session has mounted. */
export function guestfsFilesystem(session: GuestfishSession, options: FilesystemOptions): GuestFilesystem {
  const { machine, applianceDevice } = options;

  /** Runs a command about a path; an error becomes one of ours. */
  async function run(path: string, command: string, args: readonly (string | Buffer)[] = []): Promise<Buffer> {
    if (!path.startsWith("/")) throw new RehomeError("internal", `"${path}" is no absolute path`);
    try {
      return await session.run(command, [path, ...args]);
    } catch (thrown) {
      throw thrown instanceof GuestfishError ? fileError(thrown, machine, path) : thrown;
    }
  }

  async function stat(path: string): Promise<FileStatus | undefined> {
    try {
      return parseStatus((await session.run("statns", [path])).toString("latin1"));
    } catch (thrown) {
      if (isAbsent(thrown)) return undefined;
      throw thrown instanceof GuestfishError ? fileError(thrown, machine, path) : thrown;
    }
  }

  /** Writes at an offset; at 0 the file is made anew. */
  async function upload(path: string, content: Buffer, offset: number): Promise<void> {
    const staged = await options.stage(content);
    const [command, ...more] = offset === 0 && !path.startsWith("/dev/") ? ["upload"] : ["upload-offset", `${offset}`];
    try {
      await session.run(command, [staged, path, ...more]);
    } catch (thrown) {
      throw thrown instanceof GuestfishError ? fileError(thrown, machine, path) : thrown;
    }
  }

  return {
    stat,
    async read(path) {
      const status = await stat(path);
      if (status?.type !== "file") return undefined;
      if (status.size > READ_LIMIT) throw tooLarge(machine, path, status.size);
      const pieces: Buffer[] = [];
      for (let offset = 0; offset < status.size; offset += PIECE) {
        pieces.push(await run(path, "pread", [`${PIECE}`, `${offset}`]));
      }
      return Buffer.concat(pieces);
    },
    readPart: (path, offset, length) => run(path, "pread", [`${Math.min(length, PIECE)}`, `${offset}`]),
    async write(path, content) {
      const data = Buffer.from(content);
      if (data.length <= ARGUMENT_LIMIT && !data.includes(0)) await run(path, "write", [data]);
      else await upload(path, data, 0);
    },
    async append(path, content) {
      await upload(path, content, (await stat(path))?.size ?? 0);
    },
    async list(path) {
      if ((await stat(path))?.type !== "folder") return [];
      const names = (await run(path, "ls")).toString("latin1");
      return names.split("\n").filter((name) => name !== "");
    },
    async remove(path) {
      await run(path, "rm-f");
    },
    async makeFolder(path) {
      await run(path, "mkdir-p");
    },
    async unpack(archive, folder) {
      const staged = await options.stage(archive);
      try {
        await session.run("tar-in", [staged, folder], UNPACK_TIMEOUT_MS);
      } catch (thrown) {
        throw thrown instanceof GuestfishError ? fileError(thrown, machine, folder) : thrown;
      }
    },
    async link(target, path) {
      try {
        await session.run("ln-sf", [target, path]);
      } catch (thrown) {
        throw thrown instanceof GuestfishError ? fileError(thrown, machine, path) : thrown;
      }
    },
    async command(argv, timeoutMs) {
      try {
        return (await session.run("command", [guestfishList(argv)], timeoutMs)).toString("latin1");
      } catch (thrown) {
        if (!(thrown instanceof GuestfishError)) throw thrown;
        if (isFull(thrown)) throw diskFull(thrown, machine, argv.join(" "));
        throw new RehomeError("command-failed", `${argv[0] ?? ""} failed inside the guest`, {
          machine,
          output: thrown.reason.slice(-2000),
        });
      }
    },
    async digest(path) {
      if (!path.startsWith("/")) throw new RehomeError("internal", `"${path}" is no absolute path`);
      try {
        return (await session.run("checksum", ["sha256", path])).toString("latin1").trim();
      } catch (thrown) {
        throw thrown instanceof GuestfishError ? fileError(thrown, machine, path) : thrown;
      }
    },
    async fingerprint() {
      try {
        const output = await session.run("debug", ["sh", FINGERPRINT_SCRIPT], FINGERPRINT_TIMEOUT_MS);
        return parseFingerprint(output.toString("latin1"));
      } catch (thrown) {
        if (thrown instanceof GuestfishError) return undefined;
        throw thrown;
      }
    },
    readDisk: (device, offset, length) =>
      session.run("pread-device", [applianceDevice(device), `${length}`, `${offset}`]),
    // a boot loader is more than a message of libguestfs's may have; an upload takes a device as well as a file
    writeDisk: async (device, offset, content) => upload(applianceDevice(device), content, offset),
  };
}

/** From guestfish's `statns`, which prints `st_mode: 33188` and so on, line by line. */
function parseStatus(text: string): FileStatus {
  const field = (name: string): number => Number(new RegExp(`^${name}: (\\d+)$`, "m").exec(text)?.[1]);
  const mode = field("st_mode");
  const size = field("st_size");
  if (Number.isNaN(mode) || Number.isNaN(size)) {
    throw new RehomeError("output-unreadable", "guestfish's statns printed no mode and size", { output: text });
  }
  return { type: TYPES[mode & S_IFMT] ?? "other", size, mode: mode & 0o7777 };
}

function isAbsent(thrown: unknown): boolean {
  return (
    thrown instanceof GuestfishError &&
    /: (?:No such file or directory|Not a directory|Too many levels of symbolic links)$/.test(thrown.reason)
  );
}

function isFull(thrown: GuestfishError): boolean {
  return /No space left on device|Disk quota exceeded/.test(thrown.reason);
}

function fileError(thrown: GuestfishError, machine: string, path: string): RehomeError {
  if (isFull(thrown)) return diskFull(thrown, machine, path);
  return new RehomeError("conversion-failed", `${thrown.command} failed on a file of the guest`, {
    machine,
    path,
    output: thrown.reason.slice(-2000),
    remedy: "look at that file on the source, whose disks are as they were",
  });
}

function diskFull(thrown: GuestfishError, machine: string, path: string): RehomeError {
  return new RehomeError("guest-disk-full", "no space left inside the guest", {
    machine,
    path,
    output: thrown.reason.slice(-2000),
    remedy: "make space on that file system of the source (often old kernels in /boot), and stage the guest again",
  });
}

function tooLarge(machine: string, path: string, size: number): RehomeError {
  return new RehomeError("conversion-failed", `a configuration file of ${size} bytes is too large to be one`, {
    machine,
    path,
    remedy: "look at that file on the source",
  });
}
