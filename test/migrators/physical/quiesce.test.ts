import assert from "node:assert/strict";
import { RehomeError } from "../../../src/lib/errors.js";
import { parseWritableMounts, powerOff, quiesce, restart } from "../../../src/migrators/physical/quiesce.js";
import { FakeHost } from "../../helpers/fake-host.js";

const AT_REST = "/dev/mapper/vg-root / ext4 ro,relatime 0 0\nproc /proc proc rw 0 0\n/dev/sda1 /boot ext4 ro 0 0\n";
const RUNNING = "/dev/mapper/vg-root / ext4 rw,relatime 0 0\ntmpfs /run tmpfs rw 0 0\n/dev/fuse /run/doc fuse rw 0 0\n";
const MOUNTS = ["cat", "/proc/mounts"];
const lost = new RehomeError("connection-lost", "gone");

describe("bringing a machine to rest", () => {
  it("counts only file systems on block devices as writable", () => {
    assert.deepEqual(parseWritableMounts(AT_REST), []);
    assert.deepEqual(parseWritableMounts(RUNNING), ["/"]);
  });

  it("says what was stopped and what did not go smoothly", async () => {
    const host = new FakeHost("web1").on(/^sh -s -- db app$/, {
      stdout: "stopped db\nstop-failed app\nstopped cron.service\nkilled-KILL stuck(77)\nswap-on\nat-rest\n",
    });
    const done = await quiesce(host, ["db", "app"]);
    assert.deepEqual(done.stopped, ["db", "cron.service"]);
    assert.equal(done.warnings.length, 3);
    assert.match(host.calls[0]!.input.toString(), /sysrq-trigger/);
  });

  it("names the file systems that are still written to", async () => {
    const host = new FakeHost("web1").on(/^sh -s/, { stdout: "still-writable /srv /home \n", exitCode: 3 });
    await assert.rejects(quiesce(host, []), {
      code: "source-busy",
      message: "file systems can still be written to: /srv /home",
    });
  });

  it("does not take silence for rest", async () => {
    const host = new FakeHost("web1").on(/^sh -s/, { stdout: "stopped db\n", exitCode: 0 });
    await assert.rejects(quiesce(host, []), { code: "source-busy" });
  });
});

describe("switching a machine off", () => {
  it("is done only when it is at rest, by the machine itself after it said so", async () => {
    const host = new FakeHost("web1").on(MOUNTS, AT_REST).on(/sysrq-trigger/, "going\n");
    await powerOff(host);
    assert.deepEqual([host.calls[1]?.argv[0], host.calls[1]?.argv.at(-1)], ["sh", "o"]);
  });

  it("is not proven by a connection that breaks, nor by silence", async () => {
    for (const answer of [lost, ""]) {
      const host = new FakeHost("web1").on(MOUNTS, AT_REST).on(/sysrq-trigger/, answer);
      await assert.rejects(powerOff(host), { code: answer === "" ? "command-failed" : "connection-lost" });
    }
  });

  it("is refused while something can write", async () => {
    const host = new FakeHost("web1").on(MOUNTS, RUNNING);
    await assert.rejects(powerOff(host), { code: "source-busy" });
    assert.equal(host.calls.length, 1);
  });

  it("reports a trigger that cannot be written", async () => {
    const host = new FakeHost("web1")
      .on(MOUNTS, AT_REST)
      .on(/sysrq-trigger/, { exitCode: 1, stderr: "Permission denied" });
    await assert.rejects(powerOff(host), { code: "command-failed" });
  });
});

describe("restarting a machine", () => {
  it("is immediate at rest and regular otherwise", async () => {
    const resting = new FakeHost("web1").on(MOUNTS, AT_REST).on(/sysrq-trigger/, "going\n");
    await restart(resting);
    assert.equal(resting.calls[1]?.argv.at(-1), "b");
    const running = new FakeHost("web1").on(MOUNTS, RUNNING).on(["shutdown", "-r", "now"], "");
    await restart(running);
    assert.deepEqual(running.commandLines, ["cat /proc/mounts", "shutdown -r now"]);
  });
});
