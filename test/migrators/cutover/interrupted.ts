import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RehomeError } from "../../../src/lib/errors.js";
import { probeTcp } from "../../../src/lib/probe-tcp.js";
import { silentReport } from "../../../src/lib/report.js";
import type { CutoverOptions } from "../../../src/migrators/cutover/index.js";
import { sourceLink } from "../../../src/migrators/cutover/source-link.js";
import type { CutoverContext } from "../../../src/migrators/cutover/types.js";
import type { Home } from "../../../src/migrators/cutover/home/types.js";
import type { GuestRecord, StepRecord } from "../../../src/migrators/guest-store.js";
import { volumeKeeper } from "../../../src/migrators/landing/volume-keeper.js";
import { openGuest, type GuestSession } from "../../../src/migrators/session.js";
import { sessionKeeper } from "../../../src/migrators/staging/index.js";
import type { GuestPlan, Machine } from "../../../src/migrators/types.js";
import { FakeHost } from "../../helpers/fake-host.js";

export const BOOT = "11111111-1111-1111-1111-111111111111";
export const OTHER_BOOT = "22222222-2222-2222-2222-222222222222";
export const AT_REST = "/dev/sda1 / ext4 ro 0 0\n";
export const WRITABLE = "/dev/sda1 / ext4 rw 0 0\n";
export const OPTIONS: CutoverOptions = { verify: "sent", sourceIsOff: false };

/** A port that nobody answers: its queue of connections is full and never emptied. */
async function silentPort(): Promise<{ port: number; close(): void }> {
  const script =
    "import socket,sys;s=socket.socket();s.bind(('127.0.0.1',0));s.listen(0);print(s.getsockname()[1],flush=True);sys.stdin.read()";
  const child: ChildProcess = spawn("python3", ["-c", script], { stdio: ["pipe", "pipe", "inherit"] });
  const [data] = (await once(child.stdout ?? child, "data")) as [Buffer];
  const port = Number(data.toString());
  const fillers: Socket[] = [];
  for (let index = 0; index < 4; index += 1) fillers.push(connect({ port, host: "127.0.0.1" }).on("error", () => {}));
  while ((await probeTcp("127.0.0.1", port, 300)) !== "silent");
  return {
    port,
    close() {
      for (const socket of fillers) socket.destroy();
      child.kill();
    },
  };
}

export function step(name: string, event: StepRecord["event"], facts?: StepRecord["facts"]): GuestRecord {
  return { type: "step", at: Date.now(), step: name, event, ...(facts && { facts }) };
}

export function done(...names: readonly string[]): GuestRecord[] {
  return names.flatMap((name) => [
    step(name, "started"),
    step(name, "done", name === "preflight" ? { bootId: BOOT } : undefined),
  ]);
}

export const unreachable = (): RehomeError => new RehomeError("host-unreachable", "no connection to the machine");

/** A source that tells its boot id and what it has mounted, and may be told to switch itself off. */
export function machine(bootId: string, mounts: string): FakeHost {
  return new FakeHost("phys")
    .on(["cat", "/proc/sys/kernel/random/boot_id"], `${bootId}\n`)
    .on(["cat", "/proc/mounts"], mounts)
    .on(/sysrq-trigger/, "going\n");
}

/**
 * Cutovers of web1, from a physical server, that were interrupted: as far as their journals say. To be called in a
 * `describe`, for whose tests each is made anew.
 */
export function interrupted() {
  let folder: string;
  let closers: (() => void)[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "rehome-safety-"));
    closers = [];
  });
  afterEach(async () => {
    for (const close of closers) close();
    await rm(folder, { recursive: true, force: true });
  });

  /** @param source who answers at the port; throws when nobody does */
  async function session(port: number, source: () => FakeHost): Promise<GuestSession> {
    const configPath = join(folder, "rehome.yaml");
    const yaml = `version: 1
sources: { phys: { address: "root@127.0.0.1:${port}" } }
target: { state: ${folder}/state, volumes: ${folder}/volumes }
guests: { web1: { source: phys } }
`;
    await writeFile(configPath, yaml);
    return openGuest({
      configPath,
      guest: "web1",
      target: new FakeHost("target"),
      connect: () => new Promise((resolve) => resolve(source())),
    });
  }

  async function began(of: GuestSession, ...records: readonly GuestRecord[]): Promise<void> {
    const plan = { name: "web1", source: "phys", volumes: [], nics: [], concerns: [] } as unknown as GuestPlan;
    await of.store.append({ type: "planned", at: 0, plan, machine: { hostname: "web1" } as Machine });
    await of.store.append({ type: "state", at: 0, state: "cutting-over" });
    for (const record of records) await of.store.append(record);
  }

  function contextOf(of: GuestSession, options: Partial<CutoverOptions> = {}): CutoverContext {
    return {
      session: of,
      plan: { name: "web1" } as GuestPlan,
      machine: {} as Machine,
      source: sourceLink(() => of.connect()),
      sessions: sessionKeeper(),
      volumes: volumeKeeper(
        () => of.openVolumes({ plan: { name: "web1" } as GuestPlan, report: silentReport }),
        silentReport,
      ),
      home: {} as Home, // not asked for here
      appliance: () => Promise.reject(new Error("not asked for here")),
      ahead: { begin: () => undefined, take: () => Promise.resolve(undefined), drop: () => Promise.resolve() },
      options: { ...OPTIONS, ...options },
      report: silentReport,
      signal: undefined,
    };
  }

  async function listening(): Promise<number> {
    const server: Server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    closers.push(() => server.close());
    return (server.address() as AddressInfo).port;
  }

  async function silence(): Promise<number> {
    const quiet = await silentPort();
    closers.push(() => quiet.close());
    return quiet.port;
  }

  return { session, began, contextOf, listening, silence };
}
