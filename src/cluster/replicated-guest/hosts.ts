import { allEnded } from "../../lib/all-ended.js";
import { RehomeError } from "../../lib/errors.js";
import { runOnFile } from "../../lib/host/on-file.js";
import { runChecked } from "../../lib/host/run.js";
import type { Host } from "../../lib/host/types.js";
import { reported, type Report } from "../../lib/report.js";
import { childOf, childrenOf, descendantsOf, parseXml, type XmlElement } from "../../lib/xml.js";
import type { ClusterSession } from "../setup/session.js";
import type { GuestDomain } from "./types.js";

/** A domain that libvirt on a host knows, whoever started it. */
export interface HostDomain {
  readonly host: string;
  readonly name: string;
  readonly uuid: string;
  /** Devices and files of its disks. */
  readonly disks: readonly string[];
  readonly running: boolean;
  /** Kept by libvirt, which would start it again by itself or when somebody says so. */
  readonly defined: boolean;
}

export const LIBVIRT = "qemu:///system";
const LIMIT = { timeoutMs: 60_000 };
/** The first time libvirt asks QEMU for all that it can do, which takes a slow host long. */
const ASK_QEMU = { timeoutMs: 180_000 };
const VIRSH = ["virsh", "--quiet", "--connect", LIBVIRT];

/**
 * libvirt's domains from two programs, however many there are, because each takes longer to start than to answer. First
 * those that are kept, then all: virsh goes on after an error, and says it in a line that is no UUID. Then the XML of
 * each, and once more all: a domain that is gone meanwhile is left out, one that is there without its XML is not.
 */
const DOMAINS = `uuids=$(virsh --quiet --connect "$1" "list --all --persistent --uuid; list --all --uuid" 2>&1) ||
  { echo "$uuids" >&2; exit 1; }
commands=
for uuid in $uuids; do
  case "$uuid" in *[!0-9a-f-]*) echo "$uuids" >&2; exit 1 ;; esac
  case "$commands" in *"$uuid"*) ;; *) commands="\${commands}dumpxml $uuid; " ;; esac
done
echo "$uuids"
echo --
[ -z "$commands" ] || virsh --quiet --connect "$1" "\${commands}list --all --uuid"`;

/**
 * All domains of a host.
 * @throws RehomeError command-failed, output-unreadable when libvirt does not answer: unknown is not none
 */
export async function hostDomains(host: Host, libvirt = LIBVIRT): Promise<readonly HostDomain[]> {
  const output = await runChecked(host, ["sh", "-c", DOMAINS, "sh", libvirt], { ...LIMIT, env: { LC_ALL: "C" } });
  const [listed = "", ...rest] = output.split(/^(--\n)/m); // a description may have such a line too
  const told = rest.length === 0 ? undefined : rest.slice(1).join("");
  const uuids = listed.split("\n");
  const texts = told?.split(/(?<=^<\/domain>\n)/m) ?? [];
  const found = texts
    .map((text) => text.trim())
    .filter((text) => text.startsWith("<"))
    .map((text): HostDomain => {
      const xml = parseXml(text, `virsh dumpxml on ${host.name}`);
      const uuid = childOf(xml, "uuid")?.text ?? "";
      return {
        host: host.name,
        name: childOf(xml, "name")?.text ?? "",
        uuid,
        disks: descendantsOf(xml, "disk").flatMap(sourcesOf),
        running: xml.attributes["id"] !== undefined,
        defined: uuids.filter((each) => each === uuid).length > 1,
      };
    });
  const left = (texts.at(-1) ?? "").split("\n").filter((uuid) => uuids.includes(uuid) && uuid !== "");
  const untold = left.find((uuid) => !found.some((domain) => domain.uuid === uuid));
  if (told !== undefined && untold === undefined) return found;
  throw new RehomeError("output-unreadable", `libvirt does not tell what the domain ${untold ?? ""} is`, {
    machine: host.name,
    output,
    remedy: `see what is wrong there: virsh dumpxml ${untold ?? "DOMAIN"}`,
  });
}

/** As `hostDomains`, of all hosts. */
export async function allDomains(hosts: readonly Host[], libvirt = LIBVIRT): Promise<readonly HostDomain[]> {
  return (await allEnded(hosts.map((host) => hostDomains(host, libvirt)))).flat();
}

function sourcesOf(disk: XmlElement): readonly string[] {
  const { dev, file } = childOf(disk, "source")?.attributes ?? {};
  return [dev, file].filter((path) => path !== undefined);
}

/**
 * Has all hosts say whether they could run a guest, once as long as they are logged in to: none of them was started anew
 * meanwhile, and what was proven before a downtime is not proven in it once more.
 * @returns whether they had to be asked
 * @throws RehomeError domain-unfit, command-failed
 */
export async function proveFit(
  { proven }: ClusterSession,
  hosts: readonly Host[],
  domain: GuestDomain,
  report: Report,
): Promise<boolean> {
  const names = hosts.map(({ name }) => name);
  const what = JSON.stringify([names, domain.text]);
  if (proven.has(what)) return false;
  const task = { id: "fit", title: `see that ${names.length > 1 ? "both hosts" : names.join()} can run it` };
  await reported(report, task, () => requireAllFit(hosts, domain));
  proven.add(what);
  return true;
}

/** Each host by itself, and then that all would start the same. */
async function requireAllFit(hosts: readonly Host[], domain: GuestDomain): Promise<void> {
  const found = await Promise.all(hosts.map((host) => requireFit(host, domain)));
  for (const file of domain.files) {
    if (new Set(found.map((digests) => digests.get(file))).size === 1) continue;
    throw new RehomeError("domain-unfit", `the hosts have different files: ${file}`, {
      path: file,
      remedy: "copy it from one host to the other: the guest is started from it",
    });
  }
}

/**
 * Has a host say whether it could run a guest: bridges, machine type and processor, files that it is started from, and
 * libvirt's own reading of its XML. Nothing is defined or started.
 * @returns digests of the files that the guest is started from, by path
 * @throws RehomeError domain-unfit, command-failed
 */
async function requireFit(host: Host, domain: GuestDomain): Promise<ReadonlyMap<string, string>> {
  for (const bridge of domain.bridges) await requireBridge(host, bridge);
  const capabilities = await domainCapabilities(host, domain);
  requireCpuMode(host, domain, capabilities);
  await requireCpu(host, domain);
  const digests = new Map<string, string>();
  for (const file of domain.files) digests.set(file, await digestOf(host, file));
  await requireReadable(host, domain);
  return digests;
}

async function requireBridge(host: Host, bridge: string): Promise<void> {
  const found = await host.run(["test", "-d", `/sys/class/net/${bridge}/bridge`], LIMIT);
  if (found.exitCode === 0) return;
  throw unfit(host, `there is no bridge ${bridge}`, "make the bridge there, or give the guest's card another one");
}

/** libvirt knows neither a machine type that QEMU has not, nor KVM where there is none. */
async function domainCapabilities(host: Host, { hypervisor, machine }: GuestDomain): Promise<XmlElement> {
  const argv = [...VIRSH, "domcapabilities", "--virttype", hypervisor, "--arch", "x86_64", "--machine", machine];
  const { exitCode, stdout, stderr } = await host.run(argv, ASK_QEMU);
  if (exitCode === 0) return parseXml(stdout, `virsh domcapabilities on ${host.name}`);
  throw new RehomeError("domain-unfit", `it has no ${hypervisor} machine ${machine}`, {
    machine: host.name,
    output: stderr.trim(),
    remedy: `qemu-system-x86_64 -machine help lists those that it has; take one that both hosts have`,
  });
}

function requireCpuMode(host: Host, { cpu }: GuestDomain, capabilities: XmlElement): void {
  const modes = childrenOf(childOf(capabilities, "cpu") ?? capabilities, "mode");
  const mode = modes.find(({ attributes }) => attributes["name"] === cpu?.mode);
  if (cpu === undefined || mode?.attributes["supported"] === "yes") return;
  throw unfit(host, `it has no CPU of mode ${cpu.mode}`, "use the common CPU model that rehome cluster plan names");
}

/** A model and its flags, as far as the XML wants them checked; what only leaves out is not checked by libvirt either. */
async function requireCpu(host: Host, { cpu, hypervisor, machine }: GuestDomain): Promise<void> {
  if (cpu?.mode !== "custom" || /<cpu[^>]*check="none"/.test(cpu.text)) return;
  const compare = ["hypervisor-cpu-compare", "--virttype", hypervisor, "--machine", machine, "--error"];
  const { exitCode, stdout, stderr } = await runOnFile(host, [...VIRSH, ...compare], cpu.text, ASK_QEMU);
  if (exitCode === 0) return;
  throw new RehomeError("domain-unfit", "its processor lacks what the guest's CPU has", {
    machine: host.name,
    output: `${stdout}${stderr}`.trim(),
    remedy: "give the guest the common CPU model that rehome cluster plan names",
  });
}

async function digestOf(host: Host, path: string): Promise<string> {
  const { exitCode, stdout } = await host.run(["sha256sum", "--", path], LIMIT);
  if (exitCode === 0) return stdout.split(" ")[0]?.replace(/^\\/, "") ?? "";
  throw unfit(
    host,
    `there is no ${path}, which the guest is started from`,
    "copy it there, the same as on the other host",
  );
}

/** What libvirt makes of the XML, without defining it. */
async function requireReadable(host: Host, { text }: GuestDomain): Promise<void> {
  const read = await runOnFile(host, [...VIRSH, "domxml-to-native", "qemu-argv"], text, ASK_QEMU);
  if (read.exitCode === 0) return;
  throw new RehomeError("domain-unfit", "libvirt there does not take the domain XML", {
    machine: host.name,
    output: read.stderr.trim(),
    remedy: "correct the domain XML",
  });
}

function unfit(host: Host, message: string, remedy: string): RehomeError {
  return new RehomeError("domain-unfit", message, { machine: host.name, remedy });
}
