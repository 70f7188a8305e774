import { delay } from "../../../lib/delay.js";
import { RehomeError } from "../../../lib/errors.js";
import { commandFailed, runChecked } from "../../../lib/host/run.js";
import type { Host } from "../../../lib/host/types.js";
import { parseBackends } from "../parse/backends.js";
import type { Domain } from "../types.js";

/** What a domain is controlled with: xl, or xm on hosts before Xen 4.5, which have the same commands. */
export type Tool = "xl" | "xm";

/** A domain by what stays the same over its stops and starts. */
export interface ControlledDomain extends Pick<Domain, "name" | "disks"> {
  readonly tool: Tool;
  /** The file that it is started from. */
  readonly configPath: string;
}

/** For one command that does not wait for the domain, in ms. */
const COMMAND_MS = 60_000;
/** A domain is made within seconds, with all its devices. */
const CREATE_MS = 180_000;
const POLL_MS = 500;
/** For the host to let go of the disks of a domain that has ended. */
const RELEASE_MS = 30_000;

/** @returns the domain's id, or undefined when it is off. @throws RehomeError command-failed when nobody can tell */
export async function idOf(
  host: Host,
  { tool, name }: Pick<ControlledDomain, "tool" | "name">,
): Promise<number | undefined> {
  // all of them: asked for one, the tool says by the same exit code that it is off and that it cannot tell
  const list = await runChecked(host, [tool, "list"], { timeoutMs: COMMAND_MS, env: { LC_ALL: "C" } });
  const lines = list.split("\n").slice(1);
  if (!lines.some((line) => /^Domain-0\s+0\s/.test(line))) {
    throw new RehomeError("output-unreadable", `${tool} list does not name dom0 itself`, {
      machine: host.name,
      output: list,
    });
  }
  for (const line of lines) {
    const [, found, id] = /^(.+?)\s+(\d+)\s+\d+\s+\d+\s+\S{6}\s/.exec(line) ?? [];
    if (found === name) return Number(id);
  }
  return undefined;
}

/**
 * Shuts a domain down in the regular way, and waits until it is gone: the tool's own waiting ends when the guest has
 * halted, and its host takes it down only after that.
 * @returns false when it was still there after `timeoutMs`
 * @throws RehomeError command-failed, connection-lost
 */
export async function shutDown(host: Host, domain: ControlledDomain, timeoutMs: number): Promise<boolean> {
  const until = Date.now() + timeoutMs;
  try {
    const result = await host.run([domain.tool, "shutdown", "-w", "--", domain.name], { timeoutMs });
    if (result.exitCode !== 0 && (await idOf(host, domain)) !== undefined) throw commandFailed(host, result);
  } catch (thrown) {
    if (!(thrown instanceof RehomeError) || thrown.code !== "command-timeout") throw thrown;
  }
  while ((await idOf(host, domain)) !== undefined) {
    if (Date.now() > until) return false;
    await delay(POLL_MS);
  }
  return true;
}

/** Ends a domain as a power cut would. Nothing happens to one that is off. */
export async function destroy(host: Host, domain: ControlledDomain): Promise<void> {
  if ((await idOf(host, domain)) === undefined) return;
  await runChecked(host, [domain.tool, "destroy", "--", domain.name], { timeoutMs: COMMAND_MS });
}

/** Starts a domain from its file. Nothing happens to one that runs. */
export async function start(host: Host, domain: ControlledDomain): Promise<void> {
  if ((await idOf(host, domain)) !== undefined) return;
  await runChecked(host, [domain.tool, "create", "-q", domain.configPath], { timeoutMs: CREATE_MS });
  if ((await idOf(host, domain)) !== undefined) return;
  throw new RehomeError("source-not-back", `the domain ${domain.name} was started and is not there`, {
    machine: host.name,
    path: domain.configPath,
    remedy: `look at its console: ${domain.tool} create -c ${domain.configPath}`,
  });
}

/**
 * Makes sure that a domain is off: it is in no list, and the host has none of its disks open for any domain.
 * @throws RehomeError source-alive; command-failed when nobody can tell
 */
export async function requireOff(host: Host, domain: ControlledDomain): Promise<void> {
  const until = Date.now() + RELEASE_MS;
  for (;;) {
    const [id, open] = await Promise.all([idOf(host, domain), openDisks(host, domain)]);
    if (id !== undefined) throw alive(host, `the domain ${domain.name} runs (id ${id})`);
    if (open.length === 0) return;
    if (Date.now() > until) throw alive(host, `disks of ${domain.name} are in use by a domain: ${open.join(", ")}`);
    await delay(1000);
  }
}

async function openDisks(host: Host, domain: ControlledDomain): Promise<readonly string[]> {
  const store = await host.run(["xenstore-ls", "-f", "/local/domain/0/backend"], { timeoutMs: COMMAND_MS });
  // without any backend there is no such path
  if (store.exitCode !== 0 && !/ENOENT|No such file|couldn't find/i.test(store.stderr + store.stdout)) {
    throw commandFailed(host, store);
  }
  const paths = new Set(domain.disks.map(({ path }) => path));
  return parseBackends(store.stdout)
    .map(({ params }) => params.replace(/^(?:phy|file|aio|raw|tap|qcow2?|vhd):/, ""))
    .filter((path) => paths.has(path));
}

function alive(host: Host, message: string): RehomeError {
  return new RehomeError("source-alive", message, {
    machine: host.name,
    remedy: "shut it down there, then run the same command again",
  });
}

/**
 * Arguments: paths. A line for each: what the kernel counted of writes and discards to a device since its host started
 * (Documentation/admin-guide/iostats.rst), or when a file was changed last.
 */
const WRITES = `for path; do
  if [ -b "$path" ]; then
    number=$(stat -L -c '%t %T' "$path") || exit 1
    set -- $number
    read -r _ _ _ _ writes _ sectors _ _ _ _ discards _ dsectors _ <"/sys/dev/block/$((0x$1)):$((0x$2))/stat" || exit 1
    echo "$writes $sectors $discards $dsectors"
  else
    stat -L -c '%i %s %y %z' "$path" || exit 1
  fi
done`;

/**
 * The state of an off domain's disks: as long as it stays the same, nobody has written to them, and so the domain was
 * not started in between either.
 * @throws RehomeError command-failed when nobody can tell
 */
export async function writeMark(host: Host, { disks }: Pick<ControlledDomain, "disks">): Promise<string> {
  const boot = (await runChecked(host, ["cat", "/proc/sys/kernel/random/boot_id"])).trim();
  const paths = disks.filter(({ cdrom, path }) => !cdrom && path !== "").map(({ path }) => path);
  const counts = await runChecked(host, ["sh", "-c", WRITES, "sh", ...paths], { timeoutMs: COMMAND_MS });
  return [boot, ...counts.trim().split("\n")].join("; ");
}

/** Where links of /etc/xen/auto wait to be put back. As deep as that, so that relative links lead to the same file. */
const DISABLED = "/etc/xen/rehome-disabled";

/** Arguments: from, to, file. Moves the links that lead to the file. */
const MOVE_LINKS = `from=$1 to=$2 config=$3
[ -d "$from" ] || exit 0
for file in "$from"/*; do
  [ -e "$file" ] && [ "$(readlink -f "$file")" = "$config" ] || continue
  mkdir -p "$to" && mv -- "$file" "$to/" || exit 1
  echo "\${file##*/}"
done
sync
[ "$from" = /etc/xen/auto ] || rmdir "$from" 2>/dev/null
exit 0`;

/** From now on the domain does not start with its host. @returns the links that were put aside */
export async function disableAutostart(host: Host, domain: ControlledDomain): Promise<readonly string[]> {
  return moveLinks(host, "/etc/xen/auto", DISABLED, domain);
}

/** Undoes {@link disableAutostart}; nothing happens to a domain that never started with its host. */
export async function enableAutostart(host: Host, domain: ControlledDomain): Promise<readonly string[]> {
  return moveLinks(host, DISABLED, "/etc/xen/auto", domain);
}

async function moveLinks(
  host: Host,
  from: string,
  to: string,
  { configPath }: ControlledDomain,
): Promise<readonly string[]> {
  const moved = await runChecked(host, ["sh", "-c", MOVE_LINKS, "sh", from, to, configPath], { timeoutMs: COMMAND_MS });
  return moved.split("\n").filter(Boolean);
}
