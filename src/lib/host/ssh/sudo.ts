import { RehomeError } from "../../errors.js";
import type { Become } from "./command.js";
import type { SshConnection } from "./connection.js";
import { runLine } from "./run-line.js";
import type { SshTarget } from "./types.js";

/**
 * Finds out how the user becomes root: without a password if that works, else with the one of the password file.
 * @throws RehomeError sudo-failed
 */
export async function becomeRoot(
  link: SshConnection,
  target: SshTarget,
  password: string | undefined,
): Promise<Become> {
  const without = await attempt(link, "exec env LC_ALL=C sudo -n -- id -u", "");
  if (without.root) return { by: "sudo" };
  if (!/password is required|terminal is required/.test(without.stderr) || password === undefined) {
    throw failed(link.machine, target, without.stderr);
  }
  const withPassword = await attempt(link, "exec env LC_ALL=C sudo -S -p '' -- id -u", `${password}\n`);
  if (withPassword.root) return { by: "sudo-password", password };
  throw failed(link.machine, target, withPassword.stderr);
}

async function attempt(link: SshConnection, line: string, input: string): Promise<{ root: boolean; stderr: string }> {
  const { exitCode, stdout, stderr } = await runLine(link, line, input);
  return { root: exitCode === 0 && stdout.trim() === "0", stderr: stderr.trim() };
}

function failed(machine: string, { user, passwordFile }: SshTarget, stderr: string): RehomeError {
  const [reason, remedy] = explain(user, passwordFile, stderr);
  return new RehomeError("sudo-failed", `${user} cannot become root: ${reason}`, { machine, remedy, output: stderr });
}

function explain(user: string, passwordFile: string | undefined, stderr: string): [reason: string, remedy: string] {
  const allow = `allow it with a line such as "${user} ALL=(ALL) NOPASSWD: ALL" in /etc/sudoers.d, or log in as root`;
  if (/must have a tty/.test(stderr)) {
    return ["sudo wants a terminal", `add "Defaults:${user} !requiretty" to /etc/sudoers, or log in as root`];
  }
  if (/not in the sudoers|not allowed|may not run/.test(stderr)) return ["sudo does not allow it", allow];
  if (/incorrect password|no password was provided|try again/i.test(stderr)) {
    return [`sudo refused the password from ${passwordFile ?? ""}`, "put the user's password into that file"];
  }
  if (/password is required|terminal is required/.test(stderr)) {
    return ["sudo wants a password", `give a password file, or ${allow}`];
  }
  if (/not found|No such file/.test(stderr)) return ["sudo is not installed", "install sudo, or log in as root"];
  return ["sudo failed", allow];
}
