import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, readdirSync } from "node:fs";

/** What a program cost: everything on both sides of the connection. */
export interface Cost {
  readonly seconds: number;
  /** Of the program, its children, and sshd's side. */
  readonly cpuSeconds: number;
  /** That passed over loopback, both ways, TCP headers and all; undefined when others use loopback too. */
  readonly wireBytes: number | undefined;
}

/** Whether loopback is ours alone, because the benchmark runs in a network namespace of its own. */
export const ownNetwork = process.env["REHOME_BENCH_NETNS"] === "1";

/**
 * Runs a program and then flushes the file it wrote, and measures both together: a copy that is still in memory is
 * not yet a copy. @param sshd its process, whose finished children count
 */
export async function measure(argv: readonly string[], target: string, sshd: number): Promise<Cost> {
  const before = { cpu: cpuOf(sshd), wire: loopbackBytes(), at: performance.now() };
  const [program = "", ...args] = argv;
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (data: Buffer) => (said += data.toString()));
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`${argv.join(" ")} ended with ${code}:\n${said}`);
  execFileSync("sync", ["-d", target]);
  const seconds = (performance.now() - before.at) / 1000;
  await sessionsEnded(sshd);
  const wire = loopbackBytes();
  return {
    seconds,
    cpuSeconds: cpuOf(sshd) - before.cpu,
    wireBytes: ownNetwork ? wire - before.wire : undefined,
  };
}

/** Bytes received on the loopback of this network namespace since it was made; what is sent there is received there. */
function loopbackBytes(): number {
  const line = readFileSync("/proc/self/net/dev", "utf8")
    .split("\n")
    .find((text) => text.trim().startsWith("lo:"));
  return Number(line?.trim().split(/[\s:]+/)[1]);
}

/** CPU time of all finished children of this process and of sshd, in seconds (proc_pid_stat(5)). */
function cpuOf(sshd: number): number {
  return childrenTime("self") + childrenTime(`${sshd}`);
}

function childrenTime(pid: string): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  return (Number(fields[13]) + Number(fields[14])) / 100; // cutime and cstime, in USER_HZ
}

/** sshd's processes of a connection end a moment after it, and count only then. */
async function sessionsEnded(sshd: number): Promise<void> {
  for (let time = 0; time < 200; time += 1) {
    const children = readdirSync("/proc").filter((pid) => /^\d+$/.test(pid) && parentOf(pid) === sshd);
    if (children.length === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function parentOf(pid: string): number | undefined {
  try {
    return Number(
      readFileSync(`/proc/${pid}/stat`, "utf8")
        .replace(/^.*\) /s, "")
        .split(" ")[1],
    );
  } catch {
    return undefined;
  }
}

/** Drops a file from the page cache, so that nobody gets it for free. */
export function dropFromCache(path: string): void {
  execFileSync("dd", [`of=${path}`, "oflag=nocache", "conv=notrunc,fdatasync", "count=0", "status=none"]);
}
