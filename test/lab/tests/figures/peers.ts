import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ReplicatedVolume } from "../../../../src/cluster/volumes/replicated/index.js";
import { element, writeXml } from "../../../../src/lib/xml.js";
import type { Machine } from "../../machine/machine.js";
import type { ClusterLab } from "../cluster/finished.js";
import { eventually } from "../eventually.js";
import { copyBetween } from "./copying.js";
import { convertInPlace } from "./in-place.js";
import type { Meter } from "./meter.js";
import type { Way } from "./model.js";
import { GROUP, type SourceDomain } from "./source-domain.js";
import type { WayClock } from "./way-clock.js";

/** The volume and the guest that the peers' ways end with. */
const NAME = "figures";
const SNAPSHOT = "before";
const STORE = `/dev/mapper/${GROUP}-${SNAPSHOT}-cow`;
const LVMSYNC = "/root/lvmsync.py";
/** Arguments: path, MiB. Past the page cache. */
const DIGEST = 'dd if="$1" bs=1M count="$2" iflag=direct status=none | sha256sum';
const SLOW = { timeoutMs: 30 * 60_000 };
const RELEASE_MS = 60_000;

/** What a peer's way works with. */
export interface Bench {
  readonly cluster: ClusterLab;
  readonly source: SourceDomain;
  /** The host that is copied to. */
  readonly target: Machine;
  readonly meter: Meter;
  readonly log: (line: string) => void;
  /** Of the source's disk, bytes. */
  readonly size: number;
  /** Has the guest write what it writes in every way between the first copy and its end. */
  readonly load: () => Promise<void>;
}

/** Puts lvmsync's method onto the machines. */
export async function preparePeers({ source, target }: Pick<Bench, "source" | "target">): Promise<void> {
  const text = await readFile(fileURLToPath(new URL("lvmsync.py", import.meta.url)));
  for (const machine of [source.dom0, target]) await machine.writeFile(LVMSYNC, text);
}

/** What a snapshot's table names as changed in its origin, bytes. */
export async function changedSince({ dom0 }: SourceDomain, snapshot: string): Promise<number> {
  return Number(await dom0.check(["python3", LVMSYNC, "count", `/dev/mapper/${GROUP}-${snapshot}-cow`], SLOW));
}

/** lvmsync's way: the volume is copied from a snapshot while the guest runs, and what the snapshot's table has once it is off. */
export async function oneDelta(bench: Bench, clock: WayClock): Promise<Way> {
  const { source, target, load, log } = bench;
  return withVolume(bench, async (device) => {
    await clock.before("snapshot, and copy all of it", async () => {
      await source.snapshot(SNAPSHOT, 256);
      await copyAll(bench, `/dev/${GROUP}/${SNAPSHOT}`, device);
    });
    await load();
    await clock.part("shut down", () => source.shutDown());
    await clock.part("copy", () =>
      copyBetween(
        [source.dom0, ["python3", LVMSYNC, "send", STORE, source.path]],
        [target, ["python3", LVMSYNC, "patch", device]],
      ),
    );
    log(`the delta had ${((await changedSince(source, SNAPSHOT)) / 2 ** 20).toFixed(1)} MiB`);
    await requireSame(bench, device);
    await finish(bench, clock, device);
    return clock.way;
  });
}

/** The volume is copied once the guest is off. */
export async function coldCopy(bench: Bench, clock: WayClock): Promise<Way> {
  const { source, load } = bench;
  return withVolume(bench, async (device) => {
    await load();
    await clock.part("shut down", () => source.shutDown());
    await clock.part("copy", () => copyAll(bench, source.path, device));
    await requireSame(bench, device);
    await finish(bench, clock, device);
    return clock.way;
  });
}

function copyAll({ source, target }: Bench, from: string, device: string): Promise<void> {
  return copyBetween(
    [source.dom0, ["dd", `if=${from}`, "bs=1M", "status=none"]],
    [target, ["dd", `of=${device}`, "bs=1M", "conv=fsync", "status=none"]],
  );
}

/** A copy that is none would be no figure. It is read past the caches of both, and the time does not count. */
async function requireSame({ source, target, log, size }: Bench, device: string): Promise<void> {
  const digest = (machine: Machine, path: string): Promise<string> =>
    machine.check(["sh", "-c", DIGEST, "sh", path, `${size / 2 ** 20}`], SLOW); // the copy's disk ends with a whole extent
  const [there, here] = await Promise.all([digest(source.dom0, source.path), digest(target, device)]);
  assert.equal(here, there, "the copy differs from its source");
  log("the copy is the same as its source");
}

/** What both peers do with their copy: convert it, and give it to the cluster. */
async function finish({ cluster, target, log }: Bench, clock: WayClock, device: string): Promise<void> {
  let refusal: string | undefined;
  await clock.part("convert", async () => {
    refusal = await convertInPlace(target, device, log);
  });
  if (refusal !== undefined) clock.leaveOut("convert", `virt-v2v-in-place refused the guest: ${refusal}`);
  const xml = join(dirname(cluster.config), `${NAME}.xml`);
  await writeFile(xml, domainXml(device));
  await clock.part("register", async () => {
    await demoted(target);
    await cluster.rehome("cluster add", NAME, "--domain", xml, "--stopped");
  });
}

/** Lends a new replicated volume, promoted by hand on the host that is copied to. */
async function withVolume<T>(bench: Bench, work: (device: string) => Promise<T>): Promise<T> {
  const { cluster, target, log, size } = bench;
  log(`make the replicated volume ${NAME}`);
  const { parts } = await cluster.rehome<ReplicatedVolume>("volume create", NAME, "--size", `${size}`);
  const device = parts[0]?.device ?? "";
  try {
    await target.check(["drbdadm", "primary", NAME]);
    return await work(device);
  } finally {
    log(`take ${NAME} out of the cluster again`);
    await target.run(["drbdadm", "secondary", NAME]);
    for (const command of ["cluster remove", "volume remove"]) {
      const { status, stdout, stderr } = await cluster.tryRehome(command, NAME, "--yes");
      if (status !== 0) log(`rehome ${command} ${NAME}: ${stdout}${stderr}`); // a way that failed may not have got so far
    }
  }
}

/** For the cluster, which promotes it itself. Programs that look at new devices may have it open for a moment. */
function demoted(target: Machine): Promise<void> {
  return eventually(RELEASE_MS, async () => {
    await target.check(["drbdadm", "secondary", NAME]);
  });
}

function domainXml(device: string): string {
  return writeXml(
    element("domain", { type: "kvm" }, [
      element("name", {}, NAME),
      element("memory", { unit: "MiB" }, "224"),
      element("vcpu", {}, "1"),
      element("os", {}, [element("type", { arch: "x86_64", machine: "pc-i440fx-7.2" }, "hvm")]),
      element("features", {}, [element("acpi")]),
      element("devices", {}, [
        element("disk", { type: "block", device: "disk" }, [
          element("driver", { name: "qemu", type: "raw", cache: "none" }),
          element("source", { dev: device }),
          element("target", { dev: "vda", bus: "virtio" }),
        ]),
        element("interface", { type: "bridge" }, [
          element("mac", { address: "00:16:3e:1a:00:16" }),
          element("source", { bridge: "br0" }),
          element("model", { type: "virtio" }),
        ]),
        element("serial", { type: "pty" }),
      ]),
    ]),
  );
}
