import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RehomeError } from "../../../src/lib/errors.js";
import type { Host } from "../../../src/lib/host/types.js";
import { silentReport } from "../../../src/lib/report.js";
import { sourceLink } from "../../../src/migrators/cutover/source-link.js";
import { quiesceStep } from "../../../src/migrators/cutover/steps/quiesce.js";
import type { CutoverContext } from "../../../src/migrators/cutover/types.js";
import type { GuestRecord, StepRecord } from "../../../src/migrators/guest-store.js";
import { openGuest, type GuestSession } from "../../../src/migrators/session.js";
import type { Disk, GuestPlan, Machine } from "../../../src/migrators/types.js";
import { xenControl } from "../../../src/migrators/xen/control/index.js";
import { FakeDom0 } from "./fake-dom0.js";

/** A cutover of the domain web1 of a fake dom0, as far as the domain is concerned. */
export class XenCutover {
  readonly dom0 = new FakeDom0();
  session!: GuestSession;
  reachable = true;
  /** Why nobody gets in while it is not reachable. */
  refusal = new RehomeError("host-unreachable", "no connection to the machine");
  logins = 0;
  /** The domain's disks as they were when it was staged. */
  staged: readonly Pick<Disk, "name" | "path">[] = [{ name: "xvda1", path: "/dev/xenvg/web1-root" }];
  private cuts = 0;

  private constructor(private readonly folder: string) {}

  static async begin(): Promise<XenCutover> {
    const cutover = new XenCutover(await mkdtemp(join(tmpdir(), "rehome-xen-")));
    await cutover.open("");
    return cutover;
  }

  end(): Promise<void> {
    return rm(this.folder, { recursive: true });
  }

  /** Reads the configuration anew. @param more of the source, after its domain @param ofGuest of the guest */
  async open(more: string, ofGuest = ""): Promise<void> {
    const configPath = join(this.folder, "rehome.yaml");
    await writeFile(
      configPath,
      `version: 1
sources: { web1: { kind: xen, address: root@192.0.2.20, domain: web1${more} } }
target: { state: ${this.folder}/state }
guests: { web1: { source: web1${ofGuest} } }
`,
    );
    this.session = await openGuest({
      configPath,
      guest: "web1",
      connect: () => {
        if (!this.reachable) return Promise.reject(this.refusal);
        this.logins += 1;
        return Promise.resolve(this.connection());
      },
    });
    if ((await this.session.store.records()).length > 0) return;
    await this.session.store.append({ type: "state", at: 0, state: "cutting-over" });
  }

  /** Breaks the connections that there are. */
  cut(): void {
    this.cuts += 1;
  }

  private connection(): Host {
    const before = this.cuts;
    const { host } = this.dom0;
    return {
      name: host.name,
      run: (argv, options) =>
        this.cuts === before ? host.run(argv, options) : Promise.reject(new RehomeError("connection-lost", "it broke")),
      start: (argv, options) => host.start(argv, options),
      readFile: (path) => host.readFile(path),
      writeFile: (path, data, mode) => host.writeFile(path, data, mode),
      close: () => host.close(),
    };
  }

  context(sourceIsOff = false): CutoverContext {
    const nics = [{ name: "eth0", mac: "00:16:3e:1a:00:15", addresses: ["192.0.2.21/24"], up: true, physical: true }];
    return {
      session: this.session,
      plan: { name: "web1" } as GuestPlan,
      machine: { disks: this.staged, network: { nics, routes: [], nameservers: [] } } as unknown as Machine,
      source: sourceLink(() => this.session.connect()),
      volumes: { use: () => Promise.resolve({ passes: [] }) }, // nothing is copied here
      home: { status: () => Promise.resolve({ state: "stopped" }) },
      options: { verify: "sent", sourceIsOff },
      report: silentReport,
      signal: undefined,
    } as unknown as CutoverContext;
  }

  /** Runs a step as the cutover does: journalled before and after. */
  async carryOut(step: typeof quiesceStep): Promise<void> {
    const record = (event: StepRecord["event"], facts?: StepRecord["facts"]): GuestRecord => ({
      type: "step",
      at: 0,
      step: step.name,
      event,
      ...(facts && { facts }),
    });
    await this.session.store.append(record("started"));
    const { facts } = await step.run(this.context());
    await this.session.store.append(record("done", facts));
  }

  async preflight(): Promise<void> {
    const bootId = await xenControl.check(this.context());
    await this.session.store.append({ type: "step", at: 0, step: "preflight", event: "done", facts: { bootId } });
  }

  async atRest(): Promise<void> {
    await this.preflight();
    await this.carryOut(quiesceStep);
  }
}
