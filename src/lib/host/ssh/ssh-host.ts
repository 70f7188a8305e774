import { randomUUID } from "node:crypto";
import { RehomeError } from "../../errors.js";
import { collect } from "../collect.js";
import { killCommand } from "../kill.js";
import type { Host, HostProcess, RunOptions, RunResult } from "../types.js";
import { remoteCommand, type Become } from "./command.js";
import type { SshConnection } from "./connection.js";
import { readRemoteFile, writeRemoteFile } from "./files.js";
import { channelProcess } from "./process.js";

/** A machine behind a connection; see Host for what its functions do and throw. */
export function sshHost(link: SshConnection, become: Become): Host {
  const { machine } = link;

  async function start(argv: readonly string[], options: RunOptions = {}): Promise<HostProcess> {
    const program = argv[0] ?? "";
    const { signal } = options;
    const cancelled = (): RehomeError => new RehomeError("cancelled", `${program} was stopped`, { machine });
    if (signal?.aborted === true) throw cancelled();
    const mark = randomUUID();
    const command = remoteCommand(argv, options.env ?? {}, become, mark);
    const context = { machine, program, lost: () => link.lost(), killRemote: () => killRemote(mark) };
    const process = await link.exec(command.line, (channel) => channelProcess(channel, context));
    if (command.preface !== "") process.stdin.write(command.preface);
    if (signal === undefined) return process;

    const abort = (): void => process.kill();
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted as boolean) abort(); // while the channel was being opened
    const exited = process.exited
      .finally(() => signal.removeEventListener("abort", abort))
      .then(
        (code) => {
          if (signal.aborted) throw cancelled();
          return code;
        },
        (error: unknown) => {
          throw signal.aborted ? cancelled() : error;
        },
      );
    exited.catch(() => undefined);
    return { ...process, exited };
  }

  async function run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    const process = await start(argv, options);
    return collect(process, machine, argv, options);
  }

  async function killRemote(mark: string): Promise<void> {
    const result = await run(killCommand(mark, { started: false }));
    if (result.exitCode !== 0) throw new RehomeError("command-failed", "it could not be killed", { machine });
  }

  return {
    name: machine,
    run,
    start,
    readFile: (path) => readRemoteFile(start, machine, path),
    writeFile: (path, data, mode) => writeRemoteFile(run, machine, path, data, mode),
    close: () => link.close(),
  };
}
