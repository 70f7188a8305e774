import type { ClusterConfig } from "../../../lib/config/schema.js";
import { RehomeError } from "../../../lib/errors.js";
import { runChecked } from "../../../lib/host/run.js";
import type { Host } from "../../../lib/host/types.js";
import { machinesOf, type ClusterMachine } from "../machines.js";
import { PACKAGES, QDEVICE_PACKAGE } from "../packages.js";
import { gatherHosting } from "./hosting.js";
import { parseNics } from "./network.js";
import { parseCpuinfo, parseMemTotal, parseRelease } from "./processor.js";
import type { Clock, MachineFacts } from "./types.js";

const LIMIT = { timeoutMs: 30_000 };

/** Runs one look at a machine; what fails is noted as unknown, unless the machine itself is lost. */
export type Attempt = <T>(what: string, work: () => Promise<T>) => Promise<T | undefined>;

/** Finds out what a machine is and has; changes nothing there. @throws RehomeError connection-lost, cancelled */
export async function gatherMachine(
  host: Host,
  { name, role }: ClusterMachine,
  cluster: ClusterConfig,
): Promise<MachineFacts> {
  const unknown: string[] = [];
  const attempt = attempts(unknown);
  const text = async (path: string): Promise<string> => (await host.readFile(path)).toString("utf8");
  const [hostname = "", kernel = ""] = (await runChecked(host, ["uname", "-nr"], LIMIT)).trim().split(" ");
  const root = (await runChecked(host, ["id", "-u"], LIMIT)).trim() === "0";
  const clock = await attempt("clock", () => readClock(host));
  return {
    name,
    role,
    root,
    hostname,
    kernel,
    release: parseRelease((await attempt("release", () => text("/etc/os-release"))) ?? ""),
    cpu: parseCpuinfo((await attempt("processor", () => text("/proc/cpuinfo"))) ?? ""),
    memory: parseMemTotal((await attempt("memory", () => text("/proc/meminfo"))) ?? ""),
    clock: clock ?? { skew: 0, uncertainty: Number.POSITIVE_INFINITY, synchronized: undefined },
    packages: (await attempt("packages", () => readPackages(host))) ?? new Map(),
    nics: (await attempt("network", () => readNics(host))) ?? [],
    names: (await attempt("names", () => readNames(host, cluster))) ?? new Map(),
    hostKeys: (await attempt("SSH host keys", () => readHostKeys(host))) ?? [],
    gateways: (await attempt("gateways", () => readGateways(host, cluster.gateways))) ?? new Map(),
    hosting:
      role === "host" ? await gatherHosting(host, cluster, cluster.hosts[name]?.disks ?? [], attempt) : undefined,
    unknown,
  };
}

function attempts(unknown: string[]): Attempt {
  return async (what, work) => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof RehomeError) || ["connection-lost", "cancelled", "internal"].includes(error.code)) {
        throw error;
      }
      const said = [error.message, ...(error.output ?? "").trim().split("\n")].filter((line) => line !== "");
      unknown.push(`${what}: ${said.join(": ")}`);
      return undefined;
    }
  };
}

async function readClock(host: Host): Promise<Clock> {
  const before = Date.now();
  const [seconds = "", nanoseconds = "0"] = (await runChecked(host, ["date", "+%s %N"], LIMIT)).trim().split(" ");
  const after = Date.now();
  const there = Number(seconds) * 1000 + Number(nanoseconds) / 1e6;
  const sync = await host.run(["timedatectl", "show", "--property=NTPSynchronized", "--value"], LIMIT);
  return {
    skew: Math.round(there - (before + after) / 2),
    uncertainty: Math.ceil((after - before) / 2),
    synchronized: sync.exitCode === 0 ? sync.stdout.trim() === "yes" : undefined,
  };
}

/** dpkg-query ends with 1 when it does not know one of the names; it prints the others all the same. */
async function readPackages(host: Host): Promise<ReadonlyMap<string, string>> {
  const wanted = [...new Set([...Object.values(PACKAGES).flat(), QDEVICE_PACKAGE])];
  const format = "${Package} ${db:Status-Abbrev} ${Version}\\n";
  const result = await host.run(["dpkg-query", "--show", `--showformat=${format}`, ...wanted], LIMIT);
  return new Map(
    result.stdout.split("\n").flatMap((line) => {
      const [name = "", status = "", version = ""] = line.split(/\s+/);
      return status.startsWith("ii") ? [[name, version] as const] : [];
    }),
  );
}

const SPEEDS = "grep -H . /sys/class/net/*/speed 2>/dev/null || true";

async function readNics(host: Host): Promise<MachineFacts["nics"]> {
  const [links, speeds] = [
    await runChecked(host, ["ip", "-json", "-details", "address"], LIMIT),
    await runChecked(host, ["sh", "-c", SPEEDS], LIMIT),
  ];
  return parseNics(links, speeds);
}

async function readNames(host: Host, cluster: ClusterConfig): Promise<ReadonlyMap<string, readonly string[]>> {
  const names = new Map<string, readonly string[]>();
  for (const { name } of machinesOf(cluster)) {
    const { stdout } = await host.run(["getent", "ahosts", name], LIMIT);
    names.set(name, [...new Set(stdout.split("\n").flatMap((line) => line.split(/\s+/)[0] || []))]);
  }
  return names;
}

async function readHostKeys(host: Host): Promise<readonly string[]> {
  const text = await runChecked(host, ["sh", "-c", "cat /etc/ssh/ssh_host_*_key.pub"], LIMIT);
  return text
    .split("\n")
    .map((line) => line.split(" ").slice(0, 2).join(" "))
    .filter((key) => /^(ssh|ecdsa|sk)-\S+ \S+$/.test(key))
    .sort();
}

async function readGateways(host: Host, gateways: readonly string[]): Promise<ReadonlyMap<string, boolean>> {
  const answers = new Map<string, boolean>();
  for (const gateway of gateways) {
    const { exitCode } = await host.run(["ping", "-n", "-q", "-c", "2", "-i", "0.3", "-w", "5", gateway], LIMIT);
    answers.set(gateway, exitCode === 0);
  }
  return answers;
}
