import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localHost } from "../../../src/lib/host/local-host.js";
import { silentReport } from "../../../src/lib/report.js";
import { machineHome } from "../../../src/migrators/cutover/home/machine.js";
import type { Home } from "../../../src/migrators/cutover/home/types.js";
import type { GuestSession } from "../../../src/migrators/session.js";
import { guestPlan, machine } from "../conversion/fixtures.js";

/** One domain of libvirt's own test driver: real virsh, and what runs is only in its memory. */
function domain(name: string, state: string): string {
  return `<node><domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'><name>${name}</name>
    <uuid>11111111-1111-4111-8111-111111111111</uuid><memory>8192</memory><os><type>hvm</type></os>${state}
  </domain></node>`;
}
const TRANSIENT = "<test:transient>1</test:transient>";
const OFF = "<test:runstate>5</test:runstate>";

describe("a guest's home on one machine", () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "rehome-home-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function homeWith(node: string): Promise<Home> {
    await writeFile(join(folder, "node.xml"), node);
    const target = { state: join(folder, "state"), libvirt: `test://${folder}/node.xml` };
    return machineHome({
      session: { target: localHost("here"), config: { target } } as unknown as GuestSession,
      plan: { ...guestPlan([join(folder, "web1.img")]), name: "web1" },
      machine: machine(),
      report: silentReport,
      signal: undefined,
    });
  }

  it("is not left to the source while somebody runs the guest by hand, though the runtime knows nothing of it", async () => {
    const kept = await homeWith(domain("web1", ""));
    const virsh = `virsh -c test://${folder}/node.xml`;
    await assert.rejects(kept.unregister(), {
      code: "domain-exists",
      where: { machine: "here" },
      message: 'a domain "web1" runs in libvirt, outside the cluster',
      remedy: `only the cluster may start it; run there: ${virsh} shutdown web1, then ${virsh} undefine web1 --keep-nvram; then run the same command again`,
    });
    const made = await homeWith(domain("web1", TRANSIENT));
    await assert.rejects(made.unregister(), { code: "domain-exists", remedy: /shutdown web1; then run the same/ });
  });

  it("is left to the source when the guest is off, and when another one runs", async () => {
    await (await homeWith(domain("web1", OFF))).unregister();
    await (await homeWith(domain("web10", TRANSIENT))).unregister();
  });

  it("is not left to the source when libvirt does not tell what runs", async () => {
    await assert.rejects((await homeWith("<none")).unregister(), { code: "command-failed" });
  });
});
