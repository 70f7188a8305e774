import { runChecked } from "../../../lib/host/run.js";
import type { Host } from "../../../lib/host/types.js";
import type { Domain, DomainDisk } from "../types.js";

/** What the Xen host says beside its domains. */
export interface HostFacts {
  readonly architecture: string;
  readonly cpuModel: string;
  /** The host's clock minus ours, in ms; the guest's may be another. */
  readonly clockSkewMs: number;
  readonly asRoot: boolean;
  /** By path. */
  readonly disks: ReadonlyMap<string, DiskFacts>;
  readonly unknown: readonly string[];
}

export interface DiskFacts {
  readonly sectorSize: number;
  readonly rotational: boolean;
  readonly stablePath: string | undefined;
}

/** Arguments: paths. A line for each: sector size, whether it turns, a name that stays. */
const DISKS = `for path; do
  sector=$(blockdev --getss "$path" 2>/dev/null)
  turns=$(lsblk -dnro ROTA "$path" 2>/dev/null)
  real=$(readlink -f "$path")
  stable=
  for link in /dev/disk/by-id/dm-uuid-* /dev/disk/by-id/*; do
    if [ "$(readlink -f "$link")" = "$real" ]; then stable=$link; break; fi
  done
  echo "$sector|$turns|$stable"
done`;

/** @throws RehomeError connection-lost, command-failed */
export async function askHost(
  host: Host,
  disks: readonly DomainDisk[],
  domain: Domain,
  signal?: AbortSignal,
): Promise<HostFacts> {
  const ask = (argv: readonly string[]): Promise<string> => runChecked(host, argv, signal && { signal });
  const before = Date.now();
  const seconds = Number(await ask(["date", "+%s"]));
  const paths = disks.map(({ path }) => path);
  const lines = (await ask(["sh", "-c", DISKS, "sh", ...paths])).split("\n");
  const cpuinfo = await ask(["cat", "/proc/cpuinfo"]);
  const facts = paths.map((path, index): [string, DiskFacts] => {
    const [sector, turns, stable] = (lines[index] ?? "").split("|");
    // a file has no sectors: a domain sees 512 bytes there
    return [path, { sectorSize: Number(sector) || 512, rotational: turns !== "0", stablePath: stable || undefined }];
  });
  return {
    architecture: (await ask(["uname", "-m"])).trim(),
    cpuModel: /^model name\s*:\s*(.+)$/m.exec(cpuinfo)?.[1] ?? "an unknown processor",
    clockSkewMs: seconds * 1000 + 500 - before, // date rounds down
    asRoot: (await ask(["id", "-u"])).trim() === "0",
    disks: new Map(facts),
    unknown: disks.flatMap(({ device, path, size }) =>
      size === undefined ? [`the size of ${device} of ${domain.name}: ${path} is not there`] : [],
    ),
  };
}
