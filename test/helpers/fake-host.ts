import { PassThrough, Readable, Writable } from "node:stream";
import { RehomeError } from "../../src/lib/errors.js";
import type { Host, HostProcess, RunOptions, RunResult } from "../../src/lib/host/types.js";

/** A program that a fake machine was asked to run. */
export interface FakeCall {
  readonly kind: "run" | "start";
  readonly argv: readonly string[];
  /** What it got on standard input; for `start` it grows as the caller writes. */
  input: Buffer;
  readonly env: Readonly<Record<string, string>>;
}

/** Text is standard output of a success; an error is thrown, as by a broken connection. */
export type FakeAnswer = string | Error | { stdout?: string | Buffer; stderr?: string; exitCode?: number };

/** The exact argv, an expression for the words joined with blanks, or a function. */
export type FakeMatcher = readonly string[] | RegExp | ((argv: readonly string[]) => boolean);

interface Rule {
  readonly matches: (argv: readonly string[]) => boolean;
  readonly answer: FakeAnswer | ((call: FakeCall) => FakeAnswer | Promise<FakeAnswer>);
  readonly once: boolean;
  used: boolean;
}

/**
 * A machine that answers from a script. Rules are tried in the order in which they were added; a program that no rule
 * matches is an error that names it, so that no test passes by accident.
 * @example
 * const host = new FakeHost("web1").on(["uname", "-r"], "6.1.0\n").on(/^lsblk /, lsblkJson);
 * host.files.set("/etc/fstab", Buffer.from("..."));
 */
export class FakeHost implements Host {
  /** Programs that were run, in order, those that no rule matched included. */
  readonly calls: FakeCall[] = [];
  readonly files = new Map<string, Buffer>();
  /** Modes of files that were written. */
  readonly modes = new Map<string, number>();
  closed = false;
  readonly #rules: Rule[] = [];

  constructor(readonly name = "fake") {}

  /** Answers every matching program. */
  on(matcher: FakeMatcher, answer: Rule["answer"]): this {
    this.#rules.push({ matches: matching(matcher), answer, once: false, used: false });
    return this;
  }

  /** Answers the next matching program only. */
  once(matcher: FakeMatcher, answer: Rule["answer"]): this {
    this.#rules.push({ matches: matching(matcher), answer, once: true, used: false });
    return this;
  }

  /** The argv of every call, joined with blanks: handy in assertions. */
  get commandLines(): string[] {
    return this.calls.map((call) => call.argv.join(" "));
  }

  async run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    if (options.signal?.aborted === true) throw new RehomeError("cancelled", "stopped", { machine: this.name });
    const answer = await this.#answer(this.#record("run", argv, options.env, options.input));
    return { argv, exitCode: answer.exitCode, stdout: answer.stdout.toString("utf8"), stderr: answer.stderr };
  }

  async start(argv: readonly string[], options: RunOptions = {}): Promise<HostProcess> {
    const call = this.#record("start", argv, options.env);
    const answer = await this.#answer(call);
    let killed = false;
    const stdin = new Writable({
      write(chunk: Buffer, _encoding, done) {
        call.input = Buffer.concat([call.input, chunk]);
        done();
      },
    });
    const stdout = new PassThrough();
    stdout.end(answer.stdout);
    return {
      stdin,
      stdout,
      stderr: Readable.from(answer.stderr === "" ? [] : [Buffer.from(answer.stderr)], { objectMode: false }),
      exited: new Promise((resolve) => setImmediate(() => resolve(killed ? 137 : answer.exitCode))),
      kill: () => {
        killed = true;
      },
    };
  }

  readFile(path: string): Promise<Buffer> {
    const data = this.files.get(path);
    if (data !== undefined) return Promise.resolve(data);
    return Promise.reject(
      new RehomeError("file-unreadable", "cannot read: no such file or directory", { machine: this.name, path }),
    );
  }

  writeFile(path: string, data: string | Buffer, mode = 0o644): Promise<void> {
    this.files.set(path, Buffer.from(data));
    this.modes.set(path, mode);
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }

  #record(
    kind: FakeCall["kind"],
    argv: readonly string[],
    env: FakeCall["env"] = {},
    input: string | Buffer = "",
  ): FakeCall {
    const call = { kind, argv, env, input: Buffer.from(input) };
    this.calls.push(call);
    return call;
  }

  async #answer(call: FakeCall): Promise<{ stdout: Buffer; stderr: string; exitCode: number }> {
    const rule = this.#rules.find((candidate) => !candidate.used && candidate.matches(call.argv));
    if (rule === undefined) {
      throw new Error(`the fake host ${this.name} was not told about: ${JSON.stringify(call.argv)}`);
    }
    rule.used = rule.once;
    const answer = typeof rule.answer === "function" ? await rule.answer(call) : rule.answer;
    if (answer instanceof Error) throw answer;
    const given = typeof answer === "string" ? { stdout: answer } : answer;
    return {
      stdout: Buffer.from(given.stdout ?? ""),
      stderr: given.stderr ?? "",
      exitCode: given.exitCode ?? 0,
    };
  }
}

function matching(matcher: FakeMatcher): Rule["matches"] {
  if (typeof matcher === "function") return matcher;
  if (matcher instanceof RegExp) return (argv) => matcher.test(argv.join(" "));
  return (argv) => argv.length === matcher.length && argv.every((word, index) => word === matcher[index]);
}
