import { randomBytes } from "node:crypto";
import { formatWhere, RehomeError } from "../../lib/errors.js";
import { runChecked } from "../../lib/host/run.js";
import type { Host, RunResult } from "../../lib/host/types.js";
import { parseConfigDomain } from "./parse/config-domain.js";
import { parseVirshDomain } from "./parse/virsh-xml.js";
import { parseStates, parseXlList } from "./parse/xl-list.js";
import { parseXendomains } from "./parse/xendomains.js";
import { parseXmList } from "./parse/xm-list.js";
import type { AutoFolders, Domain, Toolstack, XenHost } from "./types.js";

/** Whether a machine is a Xen host, and no domain of one: xenfs of the control domain says so. */
export async function isXenHost(host: Host): Promise<boolean> {
  return (await host.run(["grep", "-q", "control_d", "/proc/xen/capabilities"])).exitCode === 0;
}

/** For one question; a host that cannot list its domains in this time, in ms, is not well. */
const ASK_MS = 60_000;

/**
 * What a Xen host tells of all its domains: the running ones by its toolstack, those that are off by the files that they
 * are started from. Reads only.
 * @throws RehomeError source-unsupported when nothing there tells of domains, output-unreadable, connection-lost
 */
export async function gatherXenHost(host: Host, signal?: AbortSignal): Promise<XenHost> {
  const ask = (argv: readonly string[]): Promise<RunResult> =>
    host.run(argv, { timeoutMs: ASK_MS, env: { LC_ALL: "C" }, ...(signal && { signal }) });
  const unknown: string[] = [];
  // all that does not wait for another answer at once: at a cutover the host is looked at again and again in the window
  const [{ toolstack, domains: known }, files, hostname, bootId] = await Promise.all([
    listDomains(host, ask, unknown),
    readConfigs(ask),
    runChecked(host, ["uname", "-n"]),
    runChecked(host, ["cat", "/proc/sys/kernel/random/boot_id"]),
  ]);
  unknown.push(...files.unknown);
  const fromFiles = files.configs.flatMap(({ path, text }) => {
    const parsed = parseConfigDomain(path, text);
    unknown.push(...(parsed?.unknown ?? []));
    return parsed === undefined ? [] : [parsed.domain];
  });
  const merged = merge(known, fromFiles).map((domain) => withAutostart(domain, files.autostart));
  const [info, domains] = await Promise.all([ask([toolstack === "xm" ? "xm" : "xl", "info"]), withSizes(merged, ask)]);
  return {
    hostname: hostname.trim(),
    bootId: bootId.trim(),
    version: /^xen_version\s*:\s*(\S+)/m.exec(info.stdout)?.[1] ?? versionOf(info.stdout),
    toolstack,
    domains,
    auto: files.auto,
    unknown,
  };
}

/** Before Xen 4.5 in three parts. */
function versionOf(info: string): string | undefined {
  const [major, minor, extra] = ["major", "minor", "extra"].map(
    (name) => new RegExp(`^xen_${name}\\s*:\\s*(\\S+)`, "m").exec(info)?.[1],
  );
  return major === undefined ? undefined : `${major}.${minor ?? "0"}${extra ?? ""}`;
}

type Ask = (argv: readonly string[]) => Promise<RunResult>;

interface Listed {
  readonly toolstack: Toolstack;
  readonly domains: readonly Domain[];
}

/** The first of xl, xm and virsh that answers. */
async function listDomains(host: Host, ask: Ask, unknown: string[]): Promise<Listed> {
  const tried: string[] = [];
  for (const [toolstack, list] of [
    ["xl", listByXl],
    ["xm", listByXm],
    ["virsh", listByVirsh],
  ] as const) {
    const answer = await list(host, ask, unknown);
    if (typeof answer !== "string") return { toolstack, domains: answer };
    tried.push(answer);
  }
  throw new RehomeError("source-unsupported", "nothing on the machine tells of Xen's domains", {
    machine: host.name,
    output: tried.join("\n"),
    remedy: "give the address of a dom0, as root; a machine without Xen is of the kind physical",
  });
}

async function listByXl(host: Host, ask: Ask): Promise<readonly Domain[] | string> {
  const long = await ask(["xl", "list", "-l"]);
  if (long.exitCode !== 0) return failure("xl list -l", long);
  const states = parseStates((await ask(["xl", "list"])).stdout);
  // xl before Xen 4.3 prints what xm does
  const domains = long.stdout.trimStart().startsWith("(")
    ? parseXmList(long.stdout, host.name)
    : parseXlList(long.stdout, host.name);
  return domains.map((domain) => ({ ...domain, state: states.get(domain.name) ?? domain.state }));
}

async function listByXm(host: Host, ask: Ask): Promise<readonly Domain[] | string> {
  const long = await ask(["xm", "list", "-l"]);
  return long.exitCode === 0 ? parseXmList(long.stdout, host.name) : failure("xm list -l", long);
}

async function listByVirsh(_host: Host, ask: Ask, unknown: string[]): Promise<readonly Domain[] | string> {
  const virsh = ["virsh", "-q", "-c", "xen:///"];
  const list = await ask([...virsh, "list", "--all", "--uuid"]);
  if (list.exitCode !== 0) return failure("virsh list", list);
  const domains: Domain[] = [];
  for (const uuid of list.stdout.split("\n").filter((line) => /^[0-9a-f-]{36}$/.test(line.trim()))) {
    const xml = await ask([...virsh, "dumpxml", uuid.trim()]);
    if (xml.exitCode !== 0) unknown.push(`the domain ${uuid}: ${failure("virsh dumpxml", xml)}`);
    else domains.push(parseVirshDomain(xml.stdout, uuid.trim()));
  }
  return domains.filter(({ name }) => name !== "Domain-0");
}

function failure(what: string, { exitCode, stderr }: RunResult): string {
  if (exitCode === 127) return `${what}: not installed`;
  return `${what}: ${stderr.trim().split("\n")[0] ?? ""} (exit code ${exitCode})`;
}

/** Prints the settings of what starts domains with the host, each file under a mark. */
const READ_SETTINGS = `mark=$1
for file in /etc/default/xendomains /etc/sysconfig/xendomains; do
  [ -e "$file" ] || continue
  printf '\\n%s settings %s\\n' "$mark" "$file"
  head -c 300000 "$file" || exit 1
done`;

/** Prints every file of /etc/xen under a mark, and every one in the folders given, mostly links. Names are data, not words. */
const READ_CONFIGS = `mark=$1
shift
for file in /etc/xen/* /etc/xen/vm/*; do
  [ -f "$file" ] && [ -r "$file" ] || continue
  case $file in *.conf | *~ | *.dpkg-* | *.rpm* | */x[lm]example*) continue ;; esac
  printf '\\n%s config %s\\n' "$mark" "$file"
  head -c 300000 "$file"
done
for folder; do
  [ -d "$folder" ] || continue
  printf '\\n%s has-auto %s\\n' "$mark" "$folder"
  for file in "$folder"/*; do
    [ -f "$file" ] || continue
    printf '\\n%s auto %s\\n' "$mark" "$file"
    head -c 300000 "$file"
  done
done`;

interface Configs {
  readonly configs: readonly { readonly path: string; readonly text: string }[];
  readonly auto: AutoFolders;
  /** Names of the domains that are started when the host starts; undefined where that is not known. */
  readonly autostart: ReadonlySet<string> | undefined;
  readonly unknown: readonly string[];
}

async function readConfigs(ask: Ask): Promise<Configs> {
  const auto = await readSettings(ask);
  const { folders, unclear } = auto;
  const { parts, failed } = await readMarked(ask, READ_CONFIGS, folders);
  const isTold = unclear === undefined && (folders.length === 0 || parts.some(({ kind }) => kind === "has-auto"));
  const names = parts.flatMap(({ kind, path, text }) => (kind === "auto" ? namesIn(path, text) : []));
  return {
    configs: parts.filter(({ kind }) => kind === "config"),
    auto,
    autostart: isTold ? new Set(names) : undefined,
    unknown: [
      ...(failed === undefined ? [] : [failure("domains that are off (/etc/xen)", failed)]),
      ...(unclear === undefined ? [] : [`${formatWhere(unclear)}: ${unclear.text}`]),
    ],
  };
}

async function readSettings(ask: Ask): Promise<AutoFolders> {
  const { parts, failed } = await readMarked(ask, READ_SETTINGS, []);
  const auto = parseXendomains(parts);
  if (failed === undefined) return auto;
  return { ...auto, unclear: { path: parts.at(-1)?.path ?? "/etc/default/xendomains", text: failure("head", failed) } };
}

interface Marked {
  readonly parts: readonly { readonly kind: string; readonly path: string; readonly text: string }[];
  readonly failed: RunResult | undefined;
}

/** Runs a script that prints files, each under a line with its first argument, a kind and a path. */
async function readMarked(ask: Ask, script: string, args: readonly string[]): Promise<Marked> {
  const mark = `rehome-${randomBytes(12).toString("hex")}`;
  const result = await ask(["sh", "-c", script, "sh", mark, ...args]);
  const parts = result.stdout
    .split(`\n${mark} `)
    .slice(1)
    .map((part) => {
      const [, kind = "", path = "", text = ""] = /^(\S+) (.*)\n?([^]*)$/.exec(part) ?? [];
      return { kind, path, text };
    });
  return { parts, failed: result.exitCode === 0 ? undefined : result };
}

function namesIn(path: string, text: string): readonly string[] {
  const parsed = parseConfigDomain(path, text);
  return parsed === undefined ? [] : [parsed.domain.name];
}

/** A running domain is what the toolstack says; where its file is, its file says. Of two files, the first one counts. */
function merge(known: readonly Domain[], files: readonly Domain[]): readonly Domain[] {
  const running = known.map((domain) => {
    const file = files.find((other) => other.name === domain.name);
    return { ...domain, configPath: domain.configPath ?? file?.configPath };
  });
  const off = files.filter(
    ({ name }, index) =>
      !running.some((domain) => domain.name === name) && files.findIndex((other) => other.name === name) === index,
  );
  return [...running, ...off].toSorted((a, b) => a.name.localeCompare(b.name));
}

/** What xend does not start may be started from its file all the same. */
function withAutostart(domain: Domain, auto: ReadonlySet<string> | undefined): Domain {
  if (domain.autostart === true || domain.configPath === undefined || auto === undefined) return domain;
  return { ...domain, autostart: auto.has(domain.name) };
}

/** Arguments: paths. A line with the size of each, or with a hyphen. */
const SIZES = `for path; do
  size=
  if [ -b "$path" ]; then size=$(blockdev --getsize64 "$path" 2>/dev/null)
  elif [ -f "$path" ]; then size=$(stat -L -c %s "$path" 2>/dev/null)
  fi
  echo "\${size:--}"
done`;

/** Devices and files in bytes as they are on the host: what an image in a format of its own holds is another matter. */
async function withSizes(domains: readonly Domain[], ask: Ask): Promise<readonly Domain[]> {
  const paths = [...new Set(domains.flatMap(({ disks }) => disks.map(({ path }) => path)))];
  const { stdout } = await ask(["sh", "-c", SIZES, "sh", ...paths]);
  const sizes = new Map(stdout.split("\n").map((line, index) => [paths[index], Number(line)]));
  return domains.map((domain) => ({
    ...domain,
    disks: domain.disks.map((disk) => {
      const size = sizes.get(disk.path);
      return size === undefined || Number.isNaN(size) ? disk : { ...disk, size };
    }),
  }));
}
