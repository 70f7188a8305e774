import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localHost } from "../../src/lib/host/local-host.js";
import { QEMU_CONF } from "../helpers/libvirt.js";

const ROOT = join(import.meta.dirname, "../..");

/** A machine with nothing on it but libvirt, as far as /run and /var/lib go. Ends when its standard input does. */
const PRELUDE = `set -e
for at in /run /var/lib /var/cache/libvirt; do mount -t tmpfs tmpfs $at; done
mount --bind "$1/qemu.conf" /etc/libvirt/qemu.conf
printf 'auth_unix_rw = "none"\\n' >"$1/libvirtd.conf"
virtlogd -p "$1/virtlogd.pid" &
log=$!
libvirtd -f "$1/libvirtd.conf" -p "$1/libvirtd.pid" &
daemon=$!
cat >/dev/null
virsh destroy tiny || true
kill $daemon $log
wait
`;

/** The commands of the README's section, block by block. */
async function commands(): Promise<readonly (readonly string[])[]> {
  const readme = await readFile(join(ROOT, "README.md"), "utf8");
  const section = /^## One host$([\s\S]*?)^## /m.exec(readme)?.[1] ?? "";
  return [...section.matchAll(/\`\`\`sh\n([\s\S]*?)\`\`\`/g)].map((block) => (block[1] ?? "").trim().split("\n"));
}

describe("the README's one host", function () {
  this.timeout(180_000);
  let folder: string;
  let machine: ChildProcess | undefined;
  let runtime: ChildProcess | undefined;
  let log = "";

  before(async function () {
    if (process.getuid?.() !== 0) {
      console.log("      skipped: only root can make namespaces");
      this.skip();
    }
    folder = await mkdtemp(join(tmpdir(), "rehome-one-host-"));
    await writeFile(join(folder, "qemu.conf"), QEMU_CONF);
    await writeFile(join(folder, "rehome"), `#!/bin/sh\nexec ${process.execPath} ${ROOT}/bin/dev.js "$@"\n`);
    await chmod(join(folder, "rehome"), 0o755);
    machine = spawn("unshare", ["--mount", "--propagation", "private", "sh", "-c", PRELUDE, "sh", folder], {
      stdio: ["pipe", "ignore", "ignore"],
    });
    await until("libvirt runs", async () => (await run("virsh list")).exitCode === 0);
  });
  after(async () => {
    if (machine === undefined) return;
    if (runtime?.exitCode === null) {
      runtime.kill("SIGTERM");
      await once(runtime, "exit");
    }
    machine.stdin?.end();
    await once(machine, "exit");
    await rm(folder, { recursive: true });
  });

  const inside = (command: string): readonly string[] => [
    ...["nsenter", "-t", `${machine?.pid ?? 0}`, "-m", "sh", "-c"],
    `cd ${ROOT} && PATH=${folder}:$PATH && ${command}`,
  ];
  const run = (command: string) => localHost().run(inside(command));
  async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
    const limit = performance.now() + 60_000;
    while (!(await holds())) {
      if (performance.now() > limit) throw new Error(`${what} is not so\n${log}`);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
  /** A command that shows how things stand, again until they stand so. */
  async function shows(command: string, ...patterns: readonly RegExp[]): Promise<void> {
    let shown = "";
    await until(`${command} shows ${patterns.join(" and ")}`, async () => {
      const ran = await run(command);
      shown = ran.stdout + ran.stderr;
      log = `${log.split("\n\n== shown").at(0) ?? ""}\n\n== shown\n${shown}`;
      return patterns.every((pattern) => pattern.test(shown));
    });
  }

  it("is kept as it says there, command by command", async () => {
    const [first = [], second = []] = await commands();
    const [keep = "", ...prepare] = [...first].reverse();
    for (const command of prepare.reverse()) {
      const ran = await run(command);
      assert.equal(ran.exitCode, 0, `${command}\n${ran.stderr}`);
    }
    const [file = "", ...argv] = inside(`exec ${keep}`);
    runtime = spawn(file, argv, { stdio: ["ignore", "pipe", "pipe"] });
    runtime.stdout!.on("data", (data: Buffer) => (log += data.toString()));
    runtime.stderr!.on("data", (data: Buffer) => (log += data.toString()));

    const [status = "", kill = "", again = "", mon = "", stop = "", ...more] = second;
    assert.deepEqual(more, []);
    await shows(status, /dummy .*running on host1/, /gateway .*running on host1/, /tiny .*running on host1/);
    const pid = (await run("cat /run/libvirt/qemu/tiny.pid")).stdout;
    assert.equal((await run(kill)).exitCode, 0);
    await until("the guest has another process", async () => {
      const now = (await run("cat /run/libvirt/qemu/tiny.pid")).stdout;
      return now !== "" && now !== pid;
    });
    await shows(again, /tiny .*running on host1/);
    await shows(
      mon,
      /dummy\s+\(ocf:pacemaker:Dummy\):\s+Started host1/,
      /gateway\s+\(ocf:pacemaker:ping\):\s+Started host1/,
      /tiny\s+\(ocf:heartbeat:VirtualDomain\):\s+Started host1/,
      /tiny: .*fail-count=1/,
    );
    const stopped = await run(stop);
    assert.equal(stopped.stdout.trim(), "tiny is stopped", stopped.stderr);
    assert.equal((await run("cat /run/libvirt/qemu/tiny.pid")).exitCode, 1);
  });
});
