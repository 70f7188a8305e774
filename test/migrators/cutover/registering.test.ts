import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RehomeError } from "../../../src/lib/errors.js";
import { localHost } from "../../../src/lib/host/local-host.js";
import type { Host } from "../../../src/lib/host/types.js";
import { silentReport } from "../../../src/lib/report.js";
import { clusterHome } from "../../../src/migrators/cutover/home/cluster.js";
import type { Home } from "../../../src/migrators/cutover/home/types.js";
import { registerStep } from "../../../src/migrators/cutover/steps/start.js";
import type { CutoverContext } from "../../../src/migrators/cutover/types.js";
import { volumeKeeper, type VolumeKeeper } from "../../../src/migrators/landing/volume-keeper.js";
import { openGuest } from "../../../src/migrators/session.js";
import { guestWorld, type World } from "../../cluster/replicated-guest/world.js";
import type { FakeHost } from "../../helpers/fake-host.js";
import { Rounds } from "../../helpers/rounds.js";
import { guestPlan, machine } from "../conversion/fixtures.js";

const PATHS = ["/dev/drbd/by-res/web1/0", "/dev/drbd/by-res/web1/1"];
/** Of a disk, in bytes. */
const SIZE = 1024 ** 2;
const MACHINES = "pc  Standard PC (alias of pc-i440fx-7.2)\nq35  Standard PC (alias of pc-q35-7.2)\n";

/** DRBD that can be promoted, and logical volumes with rehome's tags. */
function playVolume(host: FakeHost): void {
  let role = "Secondary";
  const tags = ["rehome", "rehome.volume=web1"];
  const rows = [0, 1].map((number) => ({
    ...{ lv_name: `web1-${number}`, vg_name: "vg_guests", lv_size: "4194304", lv_tags: tags.join(",") },
  }));
  host
    .on(/^lvs .*web1-\d$/, JSON.stringify({ report: [{ lv: [rows[0]] }] }))
    .on(/^lvs /, JSON.stringify({ report: [{ lv: rows }] }))
    .on(/^lvchange /, "")
    .on(["modinfo", "-F", "version", "drbd"], "8.4.11\n")
    .on(/^drbdadm get-gi /, "00000000000000A0:0000000000000000:0:0:1:1\n")
    .on(/^drbdadm (up|adjust|disk-options) /, "")
    .on(["drbdadm", "role", "web1"], () => `${role}/Secondary\n`)
    .on(["drbdadm", "primary", "web1"], () => {
      role = "Primary";
      return "";
    })
    .on(["drbdadm", "secondary", "web1"], () => {
      role = "Secondary";
      return "";
    })
    .on(["qemu-system-x86_64", "-machine", "help"], MACHINES)
    .on(/^qemu-system-x86_64 -accel /, "K"); // a processor runs
}

describe("registering a guest in a cutover's window", () => {
  let folder: string;
  let world: World;
  let home: Home;
  let volumes: VolumeKeeper;
  let rounds: Rounds;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "rehome-registering-"));
    world = guestWorld(undefined, playVolume);
    rounds = new Rounds();
    for (const { fake } of [world.alpha, world.beta]) {
      fake.files.set("/proc/cpuinfo", Buffer.from("vendor_id: GenuineIntel\nflags: vmx\n"));
    }
    const configPath = join(folder, "rehome.yaml");
    const config = {
      version: 1,
      cluster: world.session.cluster,
      sources: { old: { address: "root@192.0.2.1" } },
      target: { state: join(folder, "state") },
      guests: { web1: { source: "old" } },
    };
    await writeFile(join(folder, "disk"), Buffer.alloc(SIZE));
    await writeFile(configPath, JSON.stringify(config));
    const session = await openGuest({
      configPath,
      guest: "web1",
      connect: () => Promise.reject(new Error("the source is not needed")),
      connectMachine: (_, name) => {
        const host = { alpha: world.alpha, beta: world.beta }[name];
        if (host !== undefined) return Promise.resolve({ ...rounds.count(host), start: onFile(host) });
        return Promise.reject(new RehomeError("host-unreachable", "no route to host", { machine: name }));
      },
    });
    await session.store.append({ type: "placed", at: 0, host: "alpha", because: "it has room" });
    const nics = [{ name: "eth0", mac: "52:54:00:12:34:56", bridge: "br0" }];
    const plan = { ...guestPlan(PATHS, { nics }), name: "web1" };
    const about = { plan, report: silentReport, signal: undefined };
    home = clusterHome({ ...about, session, machine: machine() });
    volumes = volumeKeeper(() => session.openVolumes(about), silentReport);
  });
  /** What writes to a volume runs here, on a file. */
  function onFile(host: Host): Host["start"] {
    return (argv, options) =>
      argv[0] === "python3"
        ? localHost().start(argv.map((word) => (word.startsWith("/dev/drbd") ? join(folder, "disk") : word)))
        : host.start(argv, options);
  }

  afterEach(async () => {
    await home.leave();
    await volumes.release();
    world.end();
    await rm(folder, { recursive: true });
  });

  it("asks the hosts little, and side by side", async () => {
    await home.check();
    await volumes.use(async (store) => {
      for (const path of PATHS) {
        const opened = await store.open({ path, guest: "web1", disk: "xvda", size: SIZE });
        await opened.close();
      }
    });
    rounds.restart();
    await registerStep.run({ home, volumes } as unknown as CutoverContext);
    // it was 26, 34 and 19 when everything was asked one after the other
    assert.ok(rounds.length <= 5 && rounds.on("alpha") <= 15 && rounds.on("beta") <= 6, rounds.text);
    const registered = [...rounds.asked];
    // the slowest answers, libvirt's and crm_verify's, are waited for side by side with the volumes
    const roundOf = (text: string): number => registered.find(({ what }) => what.includes(text))?.round ?? 0;
    assert.deepEqual([roundOf("virsh"), roundOf("crm_verify")], [1, 2], rounds.text);
    const lastOf = (text: string): number => registered.findLastIndex(({ what }) => what.includes(text));
    assert.ok(lastOf("cibadmin --patch") > lastOf("drbdadm"), "the cluster heard of a volume that rehome still had");
    assert.ok(
      lastOf("cibadmin --patch") > lastOf("write /etc/rehome"),
      "the cluster heard of a guest without definition",
    );

    rounds.restart();
    await assert.rejects(home.start({ timeoutMs: 0 }), { code: "command-timeout" }); // no Pacemaker runs here
    const patch = rounds.asked.find(({ what }) => what.includes("cibadmin --patch"));
    assert.equal(patch?.round, 2, `it was 4: ${rounds.text}`);
  });
});
