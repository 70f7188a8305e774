import type { Host } from "./types.js";

/** Memory that programs could have without swapping, in bytes: MemAvailable of proc(5); 0 where the kernel does not say. */
export async function availableMemory(host: Host): Promise<number> {
  const text = (await host.readFile("/proc/meminfo")).toString();
  return Number(/^MemAvailable:\s*(\d+) kB/m.exec(text)?.[1] ?? 0) * 1024;
}
