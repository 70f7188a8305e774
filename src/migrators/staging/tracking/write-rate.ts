import type { Host } from "../../../lib/host/types.js";
import type { Pass } from "../../types.js";

const SECTOR = 512;

/**
 * Bytes a second that were written to a device since the machine was started, by the kernel's own count; 0 when that
 * cannot be read. @param device `major:minor`
 */
export async function averageWriteRate(host: Host, device: string): Promise<number> {
  const { exitCode, stdout } = await host.run(["cat", `/sys/dev/block/${device}/stat`, "/proc/uptime"]);
  const [stat = "", uptime = ""] = stdout.trim().split("\n");
  const sectors = Number(stat.trim().split(/\s+/)[6]);
  const seconds = Number(uptime.split(" ")[0]);
  return exitCode === 0 && seconds > 0 && sectors >= 0 ? (sectors * SECTOR) / seconds : 0;
}

/**
 * What the kernel counted of writes and discards to a device, in sectors: the same twice means that nothing was written
 * in between. Undefined when that cannot be read. @param device `major:minor`
 */
export async function writtenTo(host: Host, device: string): Promise<string | undefined> {
  const { exitCode, stdout } = await host.run(["cat", `/sys/dev/block/${device}/stat`]);
  const fields = stdout.trim().split(/\s+/);
  return exitCode !== 0 || fields.length < 11 ? undefined : `${fields[6]} ${fields[13] ?? 0}`;
}

/** Bytes a second that changed on a disk between its passes, at the most; 0 while there was only one. */
export function changeRate(passes: readonly Pass[], disk: string): number {
  const own = passes.filter((pass) => pass.disk === disk).toSorted((one, other) => one.startedAt - other.startedAt);
  const rates = own.flatMap((pass, index) => {
    const before = own[index - 1];
    if (before === undefined) return [];
    return [pass.writtenBytes / Math.max(1, (pass.startedAt - before.startedAt) / 1000)];
  });
  return Math.max(0, ...rates);
}
