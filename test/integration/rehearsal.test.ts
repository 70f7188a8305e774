import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { localHost } from "../../src/lib/host/local-host.js";
import { runChecked } from "../../src/lib/host/run.js";
import { guestStore, rehearsalOf, type GuestStore } from "../../src/migrators/guest-store.js";
import type { RehearsalResult } from "../../src/migrators/rehearsal/types.js";
import { libguestfsEnv } from "../helpers/accelerator.js";
import { SERVER_NIC, serverImage, type ServerImage } from "../helpers/server-image.js";
import { rehome } from "../helpers/rehome.js";
import { guestPlan, machine } from "../migrators/conversion/fixtures.js";

const ROOT = join(import.meta.dirname, "../..");

describe("rehome rehearse, with a real Debian", function () {
  this.timeout(25 * 60_000); // the image is built first, where it is not cached
  const host = localHost();
  let folder: string;
  let config: string;
  let image: ServerImage;
  let volumes: readonly string[];
  let store: GuestStore;

  before(async function () {
    if (process.getuid?.() !== 0) {
      console.log("      skipped: only root can build the image");
      this.skip();
    }
    image = await serverImage({ virtio: false });
    folder = await mkdtemp(join(tmpdir(), "rehome-rehearsal-"));
    volumes = ["vda.raw", "vdb.raw"].map((name) => join(folder, name));
    config = join(folder, "rehome.yaml");
    await writeFile(
      config,
      `version: 1
sources: { old: { address: root@127.0.0.1:1 } }
target: { volumes: ${folder}/volumes, state: ${folder}/state, libvirt: "test:///default" }
guests: { web1: { source: old, bootTimeout: 10min } }
`,
    );
    store = guestStore(join(folder, "state"), "web1");
    const nics = [{ name: SERVER_NIC, mac: "52:54:00:12:34:56", bridge: "br0" }];
    const plan = guestPlan(volumes, { nics, vcpus: 1 });
    await store.append({ type: "planned", at: 1, plan, machine: machine() });
    await store.append({ type: "state", at: 1, state: "staged" });
  });
  after(async () => {
    if (process.getuid?.() === 0) await rm(folder, { recursive: true, force: true });
  });

  beforeEach(async () => {
    for (const [index, path] of [image.rootDisk, image.dataDisk].entries()) {
      await runChecked(host, ["cp", "--sparse=always", path, volumes[index] ?? ""]);
    }
  });

  /** What is left of a rehearsal below the guest's folder. */
  async function left(): Promise<readonly string[]> {
    return (await readdir(join(store.folder, "rehearsal"))).sort();
  }

  async function qemuRuns(): Promise<boolean> {
    return (await host.run(["pgrep", "-f", `^qemu-system-x86_64 .*${folder}`])).exitCode === 0;
  }

  it("boots an overlay of the copy apart from every network, and leaves the copy as it is", async () => {
    const reached: string[] = [];
    const server = createServer((socket) => reached.push(socket.remoteAddress ?? ""));
    await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
    await putInto("/dev/web1/root", probeFiles((server.address() as AddressInfo).port));
    const before = await digests();
    const ran = await rehome("rehearse", "web1", "--json", "--config", config);
    assert.equal(ran.status, 0, ran.stdout + ran.stderr);
    const result = JSON.parse(ran.stdout) as RehearsalResult;
    console.log(`      ${result.because} after ${result.bootMs} ms, converted in ${result.convertMs} ms`);
    assert.equal(result.outcome, "boots");
    assert.ok((result.bootMs ?? 0) > 0 && (result.convertMs ?? 0) > 0);
    assert.match(await readFile(result.console, "utf8"), /web1 login:/);
    const png = await readFile(result.screenshot ?? "");
    assert.equal(png.toString("latin1", 1, 4), "PNG");
    assert.deepEqual(await left(), ["console.txt", "screen.png"]);
    assert.equal(await qemuRuns(), false);
    assert.deepEqual(await digests(), before);
    server.close();
    const text = await readFile(result.console, "utf8");
    assert.match(text, /PROBE: asked/, "the guest did not try to reach this machine");
    assert.deepEqual(reached, []);
    assert.doesNotMatch(text, /PROBE: reached/);
    const status = await rehome("status", "web1", "--config", config);
    assert.match(status.stdout, /rehearsed just now: booted in .* \(/);
  });

  it("finds a guest whose grub is broken, and keeps it from its window", async () => {
    await edit("/dev/sda1", ["rm", "/grub/i386-pc/normal.mod"]);
    const ran = await rehome("rehearse", "web1", "--config", config);
    assert.equal(ran.status, 5, ran.stdout + ran.stderr);
    assert.match(
      ran.stderr,
      /web1 does not boot: grub rescue prompt: file .*normal\.mod' not found \[rehearsal-failed\]/,
    );
    const record = rehearsalOf(await store.records());
    assert.equal(record?.outcome, "fails");
    const status = await rehome("status", "web1", "--config", config);
    assert.match(status.stdout, /rehearsal failed just now: grub rescue prompt/);
  });

  const missing = "12345678-0000-4000-8000-000000000000";
  for (const [what, found, spoil] of [
    [
      "one of its file systems cannot be mounted",
      /does not boot: emergency mode/,
      async () => {
        const table = await edit("/dev/web1/root", ["cat", "/etc/fstab"]);
        await edit("/dev/web1/root", ["write", "/etc/fstab", table.replace("/srv xfs", "/srv ext4")]);
      },
    ],
    [
      "its root is not there",
      /does not boot: initramfs shell: there is no UUID=12345678/,
      async () => {
        const menu = await edit("/dev/sda1", ["cat", "/grub/grub.cfg"]);
        await edit("/dev/sda1", ["write", "/grub/grub.cfg", menu.replace(/root=\/dev\S+/g, `root=UUID=${missing}`)]);
      },
    ],
    [
      "it has no init",
      /does not boot: its root has no \/sbin\/init/,
      () => edit("/dev/web1/root", ["rm", "/usr/lib/systemd/systemd"]),
    ],
  ] as const) {
    it(`finds a guest that does not boot: ${what}`, async () => {
      await spoil();
      const ran = await rehome("rehearse", "web1", "--config", config);
      assert.equal(ran.status, 5, ran.stdout + ran.stderr);
      assert.match(ran.stderr, found);
    });
  }

  it("finds a guest that cannot be converted", async () => {
    await edit("/dev/web1/root", ["write", "/etc/os-release", "ID=plan9\nNAME=Plan9\n"]);
    const ran = await rehome("rehearse", "web1", "--config", config);
    assert.equal(ran.status, 5, ran.stdout + ran.stderr);
    assert.match(ran.stderr, /guest-unsupported/);
    const record = rehearsalOf(await store.records());
    assert.deepEqual([record?.outcome, record?.because], ["fails", "the conversion: Plan9 cannot be converted yet"]);
  });

  it("ends the guest with rehome, however that ends, and clears away what is left", async () => {
    const killed = await booting();
    killed.child.kill("SIGKILL");
    await killed.exit;
    for (let tries = 0; await qemuRuns(); tries += 1) {
      assert.ok(tries < 50, "the guest outlives a killed rehome");
      await sleep(100);
    }
    assert.deepEqual(await left(), ["work"]);

    const stopped = await booting();
    stopped.child.kill("SIGINT");
    assert.equal(await stopped.exit, 9);
    assert.equal(await qemuRuns(), false);
    assert.deepEqual(await left(), []);
    await runChecked(host, ["cmp", "--", volumes[0] ?? "", image.rootDisk]);
  });

  /** Runs guestfish commands on a file system of the first volume. */
  async function edit(device: string, ...commands: readonly (readonly string[])[]): Promise<string> {
    const argv = ["guestfish", "--format=raw", "-a", volumes[0] ?? "", "run", ":", "mount", device, "/"];
    const all = [...argv, ...commands.flatMap((command) => [":", ...command])];
    return runChecked(host, all, { env: await libguestfsEnv() });
  }

  async function putInto(device: string, files: Readonly<Record<string, string>>): Promise<void> {
    const writes = Object.entries(files).map(([path, text]) => ["write", path, text]);
    const link = [
      "ln-s",
      "/etc/systemd/system/probe.service",
      "/etc/systemd/system/multi-user.target.wants/probe.service",
    ];
    await edit(device, ...writes, link);
  }

  async function digests(): Promise<string> {
    return runChecked(host, ["sha256sum", "--", ...volumes]);
  }

  /** A rehearsal in a process of its own, whose guest has just been started. */
  async function booting() {
    const argv = [join(ROOT, "bin/dev.js"), "rehearse", "web1", "--config", config];
    const child = spawn(process.execPath, argv, { stdio: ["ignore", "ignore", "inherit"] });
    const exit = once(child, "exit").then(([code]) => code as number | null);
    while (!(await qemuRuns())) {
      assert.equal(child.exitCode, null, "rehome ended before it started the guest");
      await sleep(200);
    }
    return { child, exit };
  }
});

/**
 * A service of the guest's that tries to reach this machine, which QEMU's own network shows to guests as 10.0.2.2, before
 * anybody can log in.
 */
function probeFiles(port: number): Readonly<Record<string, string>> {
  return {
    "/etc/probe.sh": [
      `ip address add 10.0.2.15/24 dev ${SERVER_NIC}`,
      `ip link set ${SERVER_NIC} up`,
      "echo PROBE: asked",
      `python3 -c 'import socket; socket.create_connection(("10.0.2.2", ${port}), 5)' && echo PROBE: reached`,
      "exit 0\n",
    ].join("\n"),
    "/etc/systemd/system/probe.service": [
      "[Unit]\nAfter=networking.service\nBefore=getty.target qemu-guest-agent.service",
      "[Service]\nType=oneshot\nExecStart=/bin/sh /etc/probe.sh\nStandardOutput=file:/dev/ttyS0",
      "[Install]\nWantedBy=multi-user.target\n",
    ].join("\n"),
  };
}
