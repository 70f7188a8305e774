import { dirname } from "node:path/posix";
import { RehomeError } from "../../../lib/errors.js";
import { runChecked } from "../../../lib/host/run.js";
import type { Host } from "../../../lib/host/types.js";
import { parseDomainTable } from "../parse/domain-table.js";
import { AUTO } from "../parse/xendomains.js";
import type { AutoFolders, Domain } from "../types.js";

/** What a domain is controlled with: xl, or xm on hosts before Xen 4.5, which have the same commands. */
export type Tool = "xl" | "xm";

/** A domain by what stays the same over its stops and starts. */
export interface ControlledDomain extends Pick<Domain, "name" | "disks"> {
  readonly tool: Tool;
  /** The file that it is started from. */
  readonly configPath: string;
}

/** For one command that does not wait for the domain, in ms. */
export const COMMAND_MS = 60_000;
/** A domain is made within seconds, with all its devices. */
const CREATE_MS = 180_000;

/**
 * @returns the domain's id, or undefined when it is off
 * @throws RehomeError command-failed, output-unreadable when nobody can tell
 */
export async function idOf(host: Host, domain: Pick<ControlledDomain, "tool" | "name">): Promise<number | undefined> {
  // all of them: asked for one, the tool says by the same exit code that it is off and that it cannot tell
  const list = await runChecked(host, [domain.tool, "list"], { timeoutMs: COMMAND_MS, env: { LC_ALL: "C" } });
  return idIn(host, domain, list);
}

/** The domain's id in what its host's tool lists. @throws RehomeError output-unreadable when that is no whole list */
export function idIn(
  host: Host,
  { tool, name }: Pick<ControlledDomain, "tool" | "name">,
  list: string,
): number | undefined {
  const domains = parseDomainTable(list, tool);
  if (domains !== undefined) return domains.find((domain) => domain.name === name)?.id;
  throw new RehomeError("output-unreadable", `${tool} list printed no whole list of domains, with dom0 in it`, {
    machine: host.name,
    output: list,
    remedy: `look there with ${tool} list, then run the same command again`,
  });
}

/** Ends one run of a domain as a power cut would. Nothing happens when it is over. */
export async function destroy(host: Host, domain: ControlledDomain, id: number): Promise<void> {
  if ((await idOf(host, domain)) !== id) return;
  await runChecked(host, [domain.tool, "destroy", "--", String(id)], { timeoutMs: COMMAND_MS });
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
 * Arguments: put-aside or put-back, the domain's name, its file, folders. Moves what the domain is started from: links that
 * lead to its file, by whatever way, and files of their own that have its name. They wait in a folder beside their own one,
 * as deep as that, so that relative links lead to the same file.
 */
const MOVE_FILES = `action=$1 name=$2 config=$(readlink -f "$3")
shift 3
names() {
  sed -n 's/^[[:space:]]*name[[:space:]]*=[[:space:]]*["'\\'']\\([^"'\\'']*\\)["'\\''].*/\\1/p' "$1" | tail -n 1
}
for folder; do
  from=$folder
  [ ! -d "$folder" ] || from=$(readlink -f "$folder") || exit 1
  to=$from.rehome-disabled
  [ "$action" = put-aside ] || { to=$from from=$from.rehome-disabled; }
  [ -d "$from" ] || continue
  for file in "$from"/*; do
    [ -f "$file" ] || continue
    [ "$(readlink -f "$file")" = "$config" ] || [ "$(names "$file")" = "$name" ] || continue
    mkdir -p "$to" && mv -- "$file" "$to/" || exit 1
    echo "\${file##*/}"
  done
  [ "$action" = put-aside ] || rmdir "$from" 2>/dev/null
done
sync`;

/**
 * From now on the domain does not start with its host.
 * @param folders that the host starts domains from
 * @returns the files that were put aside
 */
export async function disableAutostart(
  host: Host,
  domain: ControlledDomain,
  folders: readonly string[],
): Promise<readonly string[]> {
  return moveFiles(host, "put-aside", domain, folders);
}

/** Undoes {@link disableAutostart}; nothing happens to a domain that never started with its host. */
export async function enableAutostart(
  host: Host,
  domain: ControlledDomain,
  folders: readonly string[],
): Promise<readonly string[]> {
  return moveFiles(host, "put-back", domain, folders);
}

async function moveFiles(
  host: Host,
  action: "put-aside" | "put-back",
  { name, configPath }: ControlledDomain,
  folders: readonly string[],
): Promise<readonly string[]> {
  const argv = ["sh", "-c", MOVE_FILES, "sh", action, name, configPath, ...folders];
  const moved = await runChecked(host, argv, { timeoutMs: COMMAND_MS });
  return moved.split("\n").filter(Boolean);
}

/**
 * Arguments: the domain's name, its tool, its file, folders. Who else starts the domain with its host: libvirt's driver for
 * Xen (autostartDir in libxl_conf.h), or xend, which keeps domains of its own; and whether the file itself, which must stay
 * where it is for the way back, is in one of the folders.
 */
const OTHER_STARTERS = `[ ! -e "/etc/libvirt/libxl/autostart/$1.xml" ] || echo libvirt
[ "$2" != xm ] || ! xm list -l "$1" | grep -q '(on_xend_start start)' || echo xend
config=$(readlink -f "$3")
shift 3
for folder; do
  [ "$(readlink -f "$folder")" != "\${config%/*}" ] || echo "$config"
done`;

/**
 * Makes sure that nothing starts the domain with its host that {@link disableAutostart} does not take away.
 * @throws RehomeError source-unsupported, command-failed
 */
export async function requireNoOtherStarter(
  host: Host,
  { name, tool, configPath }: ControlledDomain,
  { folders, unclear }: AutoFolders,
): Promise<void> {
  const again = "then run the same command again: it would run beside the guest";
  if (unclear !== undefined) {
    const { text, ...where } = unclear;
    throw new RehomeError("source-unsupported", `nobody can tell what starts with the host: ${text}`, {
      ...where,
      machine: host.name,
      remedy: `leave only plain assignments there, such as XENDOMAINS_AUTO=${AUTO}, ${again} if ${name} started, too`,
    });
  }
  const argv = ["sh", "-c", OTHER_STARTERS, "sh", name, tool, configPath, ...folders];
  const [starter = ""] = (await runChecked(host, argv, { timeoutMs: COMMAND_MS, env: { LC_ALL: "C" } })).split("\n");
  if (starter === "") return;
  if (starter.startsWith("/")) {
    const folder = dirname(starter);
    throw new RehomeError(
      "source-unsupported",
      `all in ${folder} starts with the host, and ${name} has its file there`,
      {
        machine: host.name,
        path: starter,
        remedy: `move that file to /etc/xen and put a link to it in ${folder}, ${again}`,
      },
    );
  }
  const off = starter === "libvirt" ? `virsh -c xen:/// autostart --disable ${name}` : "on_xend_start must be ignore";
  throw new RehomeError("source-unsupported", `${starter} starts the domain ${name} with its host`, {
    machine: host.name,
    remedy: `end that there (${off}), ${again}`,
  });
}
