import { RehomeError } from "../../errors.js";
import { markOf } from "../kill.js";
import { commandLine, quote } from "./quote.js";

/** How the user becomes root: not at all, without a password, or with one on standard input. */
export type Become =
  { readonly by: "nothing" } | { readonly by: "sudo" } | { readonly by: "sudo-password"; readonly password: string };

/** What goes to the login shell, and what goes to standard input before the program's own. */
export interface RemoteCommand {
  readonly line: string;
  readonly preface: string;
}

/** The kernel's MAX_ARG_STRLEN: sshd hands the whole line to the login shell as one argument. */
const MAX_LINE_BYTES = 128 * 1024 - 1;

/** Programs of administrators, which not every distribution has in the PATH of a session without a terminal. */
const PATH = 'PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"';

/**
 * sudo reads the password from standard input only if it wants one, and nobody can know beforehand. So a line that
 * marks the end of the preface follows it, and whatever sudo left is skipped up to there. Both sudo and a shell's
 * `read` take single bytes, so nothing of the program's own input is lost.
 */
const SKIP_PREFACE = 'while IFS= read -r line || exit 1; do [ "$line" != "$1" ] || break; done; shift; exec "$@"';

/**
 * Makes the command line of a program. `exec` and `env` leave no shell behind, so exit codes and signals are the
 * program's own.
 * @param mark set in the program's environment as REHOME_RUN, by which killCommand finds it and its children
 * @throws RehomeError usage, internal
 */
export function remoteCommand(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  become: Become,
  mark: string,
): RemoteCommand {
  const program = argv[0];
  if (program === undefined || program === "") throw new RehomeError("internal", "an empty command was to be run");
  if (program.includes("=")) throw new RehomeError("usage", `"${program}" cannot be run: its name has a "="`);
  const badName = Object.keys(env).find((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name));
  if (badName !== undefined) throw new RehomeError("usage", `"${badName}" is no name of an environment variable`);
  const settings = [markOf(mark), ...Object.entries(env).map(([name, value]) => `${name}=${value}`)];
  const command = wrap(commandLine([...settings, ...argv]), become, mark);
  if (Buffer.byteLength(command.line) > MAX_LINE_BYTES) {
    throw new RehomeError("usage", `the arguments of ${program} are longer than 128 KiB`, {
      remedy: "send data through standard input or a file",
    });
  }
  return command;
}

function wrap(words: string, become: Become, mark: string): RemoteCommand {
  switch (become.by) {
    case "nothing":
      return { line: `exec env ${PATH} ${words}`, preface: "" };
    case "sudo":
      return { line: `exec sudo -n -- env ${words}`, preface: "" };
    case "sudo-password": {
      const skip = `sh -c ${quote(SKIP_PREFACE)} sh ${quote(mark)} env ${words}`;
      return { line: `exec sudo -S -p '' -- ${skip}`, preface: `${become.password}\n${mark}\n` };
    }
  }
}
