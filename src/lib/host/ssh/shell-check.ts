import { RehomeError } from "../../errors.js";
import type { SshConnection } from "./connection.js";
import { runLine } from "./run-line.js";

/**
 * Makes sure that the login shell runs programs and that nothing else, such as an `echo` in ~/.bashrc, gets into their
 * output.
 * @throws RehomeError shell-unusable
 */
export async function checkShell(link: SshConnection, user: string): Promise<void> {
  const { exitCode, stdout, stderr } = await runLine(link, "exec env printf 'a%sc' b");
  if (exitCode === 0 && stdout === "abc") return;
  const noisy = exitCode === 0 && stdout.includes("abc");
  throw new RehomeError(
    "shell-unusable",
    noisy ? `the login shell of ${user} prints text of its own` : `the login shell of ${user} runs no programs`,
    {
      machine: link.machine,
      output: (noisy ? stdout.replace("abc", "") : `${stdout}${stderr}`).trim().slice(0, 500),
      remedy: noisy
        ? "make its start-up files, such as ~/.bashrc, print nothing in shells that are not interactive"
        : `give ${user} a shell such as /bin/sh (usermod -s), without a forced command, or use another user`,
    },
  );
}
