import { constants } from "node:os";
import { Readable, Writable } from "node:stream";
import type { ClientChannel } from "ssh2";
import { RehomeError } from "../../errors.js";
import type { HostProcess } from "../types.js";

export interface ChannelContext {
  readonly machine: string;
  readonly program: string;
  /** Why the connection is no more, once it is. */
  lost(): RehomeError | undefined;
  /** Kills the program on the machine. @throws when it is not known to be gone */
  killRemote(): Promise<void>;
}

/** How much may wait between the connection and a slow reader, and between a fast writer and the connection, in bytes. */
const BUFFER_BYTES = 1024 * 1024;
/** How long the channel of a killed program may take to close, in ms. */
const KILL_GRACE_MS = 2000;

/**
 * A program behind an SSH channel, as streams that end as a local program's do. ssh2's own streams would end without
 * an error when the connection breaks, and would never answer a write after the program has gone.
 */
export function channelProcess(channel: ClientChannel, context: ChannelContext): HostProcess {
  const stdin = input(channel);
  const stdout = output(channel, context);
  const stderr = output(channel.stderr, context);
  const { ended, giveUp } = exitOf(channel, context);
  let killing: Promise<void> | undefined;
  const exited = ended.finally(() => killing);
  exited.catch(() => undefined); // the caller awaits it when it wants to; until then it is no unhandled rejection
  return {
    stdin,
    stdout,
    stderr,
    exited,
    kill() {
      if (killing !== undefined) return;
      for (const stream of [stdout, stderr]) if (stream.readableFlowing === null) stream.resume();
      const finish = (gone: boolean): void => {
        setTimeout(() => {
          giveUp(gone);
          channel.close();
        }, KILL_GRACE_MS).unref();
      };
      killing = context.killRemote().then(
        () => finish(true),
        () => {
          channel.signal("KILL"); // all that is left, such as when there is no session for the kill; root's sshd refuses it
          finish(false);
        },
      );
    },
  };
}

function exitOf(channel: ClientChannel, context: ChannelContext) {
  let code: number | undefined;
  let settle: (result: number | RehomeError) => void = () => undefined;
  const ended = new Promise<number>((resolve, reject) => {
    settle = (result) => (typeof result === "number" ? resolve(result) : reject(result));
  });
  const unknownEnd = (): RehomeError =>
    context.lost() ??
    new RehomeError("connection-lost", `it is not known how ${context.program} ended`, { machine: context.machine });

  channel.on("exit", (status: number | null, signal?: string) => {
    code = status ?? 128 + ((constants.signals[signal as NodeJS.Signals] as number | undefined) ?? 0);
  });
  // ssh2 emits it after the last of standard output was read.
  channel.on("close", () => settle(code ?? unknownEnd()));
  return { ended, giveUp: (gone: boolean) => settle(code ?? (gone ? 128 + constants.signals.SIGKILL : unknownEnd())) };
}

function input(channel: ClientChannel): Writable {
  let pending: ((error?: Error | null) => void) | undefined;
  const stdin = new Writable({
    highWaterMark: BUFFER_BYTES,
    write(chunk: Buffer, _encoding, done) {
      pending = done;
      channel.write(chunk, (error) => {
        pending = undefined;
        done(error);
      });
    },
    final(done) {
      pending = done;
      channel.end(() => {
        pending = undefined;
        done();
      });
    },
    destroy(error, done) {
      if (!channel.writableEnded) channel.end();
      done(error);
    },
  });
  stdin.on("error", () => undefined); // a program that ends before it has read everything; `exited` tells
  function gone(): void {
    if (stdin.writableFinished || stdin.destroyed) return;
    if (pending === undefined && stdin.writableLength === 0) return void stdin.destroy();
    stdin.destroy(Object.assign(new Error("the program ended before it had read all its input"), { code: "EPIPE" }));
  }
  channel.on("exit", () => setImmediate(gone));
  channel.on("close", gone);
  return stdin;
}

function output(source: Readable, context: ChannelContext): Readable {
  const stream = new Readable({ highWaterMark: BUFFER_BYTES, read: () => void source.resume() });
  stream.on("error", () => undefined); // a reader hears it all the same; without one, `exited` tells
  source.pause();
  source.on("data", (chunk: Buffer) => {
    if (!stream.push(chunk) && !stream.destroyed) source.pause();
  });
  source.on("end", () => {
    const lost = context.lost();
    if (lost === undefined) stream.push(null);
    else stream.destroy(lost); // what was cut off must not look complete
  });
  stream.on("close", () => source.resume()); // nobody reads any more: let the channel close
  return stream;
}
