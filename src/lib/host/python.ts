import { RehomeError } from "../errors.js";
import type { Host, HostProcess } from "./types.js";

/** Where a machine may have python, best first. */
export const PYTHONS: readonly string[] = ["python3", "python2", "python", "/usr/libexec/platform-python"];

/** Reads a program from standard input (a line with its size, then itself) and runs it; what follows there is its own. */
export const PYTHON_BOOTSTRAP =
  "import sys; f = getattr(sys.stdin, 'buffer', sys.stdin); exec(f.read(int(f.readline())))";

/** A program as the bootstraps read it: a line with its size in bytes, then itself. */
export function framedProgram(text: string): Buffer {
  const program = Buffer.from(text);
  return Buffer.concat([Buffer.from(`${program.length}\n`), program]);
}

/** The exit code that says that there is no python; no program of ours ends with it. */
const NO_PYTHON = 93;

/** Arguments: what the program imports, interpreters, `--`, the program's arguments. Becomes the first that can. */
const START = `modules=$1
shift
while [ "$1" != -- ]; do
  python=$1
  shift
  if "$python" -c "import $modules" 2>/dev/null </dev/null
  then
    while [ "$1" != -- ]; do shift; done
    shift
    exec "$python" -c "${PYTHON_BOOTSTRAP}" "$@"
  fi
done
exit ${NO_PYTHON}`;

export interface PythonRequest {
  /** The program's text: for python 2.6 to 3. */
  readonly program: string;
  /** What it imports: `errno, io, mmap`. */
  readonly modules: string;
  readonly args: readonly string[];
  readonly interpreters?: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

/** Runs a program in a machine's python from memory: nothing is written there. Its streams are the caller's. */
export async function startPython(host: Host, request: PythonRequest): Promise<HostProcess> {
  const { modules, interpreters = PYTHONS, args, signal } = request;
  const argv = ["sh", "-c", START, "rehome", modules, ...interpreters, "--", ...args];
  const process = await host.start(argv, signal && { signal });
  process.stdin.on("error", () => undefined); // the end of standard output tells why
  process.stdin.write(framedProgram(request.program));
  return process;
}

/** What the exit code of {@link startPython}'s process says, when that is that there is no python. */
export function noPython(host: Host, exitCode: number): RehomeError | undefined {
  if (exitCode !== NO_PYTHON) return undefined;
  return new RehomeError("source-tool-missing", `no python on it: tried ${PYTHONS.join(", ")}`, {
    machine: host.name,
    remedy: "install python3 there; nothing of it stays in use",
  });
}
