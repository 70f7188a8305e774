import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { z } from "zod";
import { RehomeError } from "./errors.js";

const message = z.looseObject({
  return: z.unknown().optional(),
  error: z.object({ desc: z.string() }).optional(),
  event: z.string().optional(),
  data: z.record(z.string(), z.unknown()).optional(),
});

type Message = z.infer<typeof message>;

/** Something that happened in a running QEMU, such as `RESET` with `{ guest: true }`. */
export interface QmpEvent {
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** The monitor of a running QEMU (https://www.qemu.org/docs/master/interop/qmp-spec.html). */
export interface Qmp {
  /**
   * Gives a command and waits for its answer; one that is given meanwhile is put behind it.
   * @returns what the command returned
   * @throws RehomeError command-failed when it is refused, or QEMU ends; command-timeout
   */
  ask(command: string, args?: Readonly<Record<string, unknown>>): Promise<unknown>;
}

export interface QmpOptions {
  /** How messages name the machine. */
  readonly machine: string;
  /** What QEMU says. */
  readonly input: Readable;
  readonly output: Writable;
  readonly onEvent?: (event: QmpEvent) => void;
  /** How long QEMU may take for an answer, in ms; for ever without it. */
  readonly answerMs?: number;
}

/** Takes up the talk with QEMU's monitor. @throws RehomeError command-failed, command-timeout */
export async function openQmp({ machine, input, output, onEvent, answerMs }: QmpOptions): Promise<Qmp> {
  const messages: Message[] = [];
  let waiting: { resolve(message: Message): void; reject(error: Error): void } | undefined;
  let ended: RehomeError | undefined;
  const failed = (reason: string, code: "command-failed" | "command-timeout" = "command-failed"): RehomeError =>
    new RehomeError(code, `QEMU's monitor: ${reason}`, { machine });

  function end(error: RehomeError): void {
    ended ??= error;
    waiting?.reject(ended);
    waiting = undefined;
  }
  function take(line: string): void {
    const parsed = parse(line);
    if (parsed === undefined) end(failed(`it said "${line.slice(0, 80)}"`));
    else if (parsed.event !== undefined) onEvent?.({ event: parsed.event, data: parsed.data ?? {} });
    else if (waiting === undefined) messages.push(parsed);
    else {
      waiting.resolve(parsed);
      waiting = undefined;
    }
  }
  const lines = createInterface({ input });
  lines.on("line", take);
  lines.on("close", () => end(failed("it has ended")));
  lines.on("error", () => undefined); // it says again what its input says
  input.on("error", (error) => end(failed(error.message)));
  output.on("error", (error) => end(failed(error.message)));

  function next(): Promise<Message> {
    const message = messages.shift();
    if (message !== undefined) return Promise.resolve(message);
    if (ended !== undefined) return Promise.reject(ended);
    return new Promise((resolve, reject) => {
      const limit =
        answerMs === undefined
          ? undefined
          : setTimeout(() => end(failed(`no answer within ${answerMs / 1000} s`, "command-timeout")), answerMs);
      waiting = {
        resolve(message) {
          clearTimeout(limit);
          resolve(message);
        },
        reject(error) {
          clearTimeout(limit);
          reject(error);
        },
      };
    });
  }
  async function askNow(command: string, args: Readonly<Record<string, unknown>>): Promise<unknown> {
    if (ended !== undefined) throw ended;
    output.write(`${JSON.stringify({ execute: command, arguments: args })}\n`);
    const answer = await next();
    if (answer.error !== undefined) throw failed(`${command}: ${answer.error.desc}`);
    return answer.return;
  }
  let last: Promise<unknown> = next(); // the greeting
  await last;
  const qmp: Qmp = {
    ask(command, args = {}) {
      const result = last.then(() => askNow(command, args));
      last = result.catch(() => undefined);
      return result;
    },
  };
  await qmp.ask("qmp_capabilities");
  return qmp;
}

function parse(line: string): Message | undefined {
  try {
    return message.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}
