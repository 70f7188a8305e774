import { spawn, type SpawnOptions } from "node:child_process";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { RehomeError } from "../../src/lib/errors.js";

const RUN_JS = fileURLToPath(new URL("../../bin/run.js", import.meta.url));

/** The product, called as a user calls it, in the folder of rehome.yaml. */
export class Rehome {
  readonly #work: string;

  constructor(work: string) {
    this.#work = work;
  }

  /** Shows the command line and all that it prints. @returns the exit code */
  async show(...args: readonly string[]): Promise<number> {
    process.stdout.write(`\n$ rehome ${args.join(" ")}\n`);
    const child = spawn(process.execPath, [RUN_JS, ...args], this.#options("inherit"));
    const code = await new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (status) => resolve(status ?? 1));
    });
    process.stdout.write("\n");
    return code;
  }

  /** Shows a command that must succeed. @throws RehomeError command-failed */
  async must(...args: readonly string[]): Promise<void> {
    const code = await this.show(...args);
    if (code !== 0) throw failed(args, code);
  }

  /** What a command prints under --json. @throws RehomeError command-failed */
  async json(...args: readonly string[]): Promise<unknown> {
    const child = spawn(process.execPath, [RUN_JS, ...args, "--json"], this.#options("pipe"));
    let output = "";
    child.stdout?.on("data", (data: Buffer) => (output += data.toString()));
    child.stderr?.resume();
    const code = await new Promise<number>((resolve) => child.once("close", (status) => resolve(status ?? 1)));
    if (code !== 0) throw failed(args, code, output.trim());
    return JSON.parse(output);
  }

  /** Leaves a command running in the background, with its output in a file. */
  async background(log: string, ...args: readonly string[]): Promise<void> {
    process.stdout.write(`\n$ rehome ${args.join(" ")} &\n`);
    const file = await open(join(this.#work, log), "a");
    const child = spawn(process.execPath, [RUN_JS, ...args], { cwd: this.#work, stdio: ["ignore", file.fd, file.fd] });
    child.unref();
    await file.close();
  }

  #options(output: "inherit" | "pipe"): SpawnOptions {
    return { cwd: this.#work, stdio: ["ignore", output, output] };
  }
}

function failed(args: readonly string[], code: number, output?: string): RehomeError {
  return new RehomeError("command-failed", `rehome ${args.join(" ")} ended with exit code ${code}`, {
    ...(output !== undefined && { output }),
    remedy: "see what it said",
  });
}
