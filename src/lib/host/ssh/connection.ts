import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Client, ClientChannel } from "ssh2";
import { RehomeError } from "../../errors.js";

/** A connection that is logged in; all programs of one machine share it. */
export interface SshConnection {
  readonly machine: string;
  /** Why it is no more, once it is. */
  lost(): RehomeError | undefined;
  /**
   * Opens a channel and hands the command line to the login shell. `adopt` is called at once: the exit code of a short
   * program may stand in the same packet of the network as the answer, before any promise could tell.
   * @throws RehomeError connection-lost, session-limit, command-failed
   */
  exec<T>(line: string, adopt: (channel: ClientChannel) => T): Promise<T>;
  close(): Promise<void>;
}

/** So many keepalives without a sign of life are a lost connection. */
const SILENT_TICKS = 3;
const CLOSE_GRACE_MS = 2000;
/** SSH_OPEN_CONNECT_FAILED (RFC 4254, 5.1): what sshd says when MaxSessions is reached. */
const OPEN_CONNECT_FAILED = 2;
/** sshd counts a session for a moment longer than its channel is open, so a refusal is believed when it stays. */
const SESSION_RETRIES_MS = [20, 50, 100, 200, 400, 800];

export function connection(client: Client, socket: Socket, machine: string, keepaliveMs: number): SshConnection {
  let lost: RehomeError | undefined;
  let closing = false;
  function lose(message: string, cause?: unknown): RehomeError {
    return (lost ??= new RehomeError("connection-lost", closing ? "the connection was closed" : message, {
      machine,
      remedy: "check the machine and the network, then run the same command again to go on",
      cause,
    }));
  }
  const watchdog = watch(socket, keepaliveMs, () => {
    lose(`no sign of life for ${Math.round((keepaliveMs * SILENT_TICKS) / 1000)} s`);
    socket.destroy();
  });
  client.on("error", (error: Error) => lose(`the connection broke: ${error.message}`, error));
  client.on("end", () => lose("the machine closed the connection"));
  client.on("close", () => {
    clearInterval(watchdog);
    lose("the connection broke");
  });

  function tryExec<T>(line: string, adopt: (channel: ClientChannel) => T): Promise<T> {
    return new Promise((resolve, reject) => {
      if (lost !== undefined) {
        reject(lost);
        return;
      }
      const done = (error: (Error & { reason?: unknown }) | undefined, channel?: ClientChannel): void => {
        if (error === undefined && channel !== undefined) resolve(adopt(channel));
        else reject(lost ?? refused(machine, error));
      };
      try {
        client.exec(line, done);
      } catch (cause) {
        // ssh2 noticed before it said so
        reject(lose("the connection broke", cause));
      }
    });
  }

  return {
    machine,
    lost: () => lost,
    async exec(line, adopt) {
      for (const waitMs of SESSION_RETRIES_MS) {
        try {
          return await tryExec(line, adopt);
        } catch (error) {
          if (!(error instanceof RehomeError) || error.code !== "session-limit") throw error;
        }
        await sleep(waitMs);
      }
      return tryExec(line, adopt);
    },
    close() {
      if (closing || socket.destroyed) return Promise.resolve();
      closing = true;
      return new Promise((resolve) => {
        const impatient = setTimeout(() => socket.destroy(), CLOSE_GRACE_MS);
        socket.once("close", () => {
          clearTimeout(impatient);
          resolve();
        });
        lose("");
        client.end();
      });
    },
  };
}

/**
 * Calls `dead` when nothing at all came from the other side for SILENT_TICKS ticks, although ssh2 sends a keepalive in
 * each. Any byte is a sign of life: on a slow link the answer to a keepalive waits behind megabytes of data. Ticks are
 * counted, not time: a process that was stopped for a while must first read what has arrived.
 */
function watch(socket: Socket, keepaliveMs: number, dead: () => void): NodeJS.Timeout {
  let seen = socket.bytesRead;
  let silent = 0;
  return setInterval(() => {
    silent = socket.bytesRead === seen ? silent + 1 : 0;
    seen = socket.bytesRead;
    if (silent > SILENT_TICKS) dead();
  }, keepaliveMs).unref();
}

function refused(machine: string, cause: unknown): RehomeError {
  if ((cause as { reason?: unknown } | undefined)?.reason === OPEN_CONNECT_FAILED) {
    return new RehomeError("session-limit", "the machine opens no more sessions on this connection", {
      machine,
      remedy: "raise MaxSessions in its /etc/ssh/sshd_config, or work with fewer --parallel",
      cause,
    });
  }
  const reason = cause instanceof Error ? cause.message : "no reason given";
  return new RehomeError("command-failed", `the machine does not run commands over SSH: ${reason}`, { machine, cause });
}
