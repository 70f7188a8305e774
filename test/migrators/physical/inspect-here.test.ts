import assert from "node:assert/strict";
import { cpus, hostname } from "node:os";
import { readFile } from "node:fs/promises";
import { RehomeError } from "../../../src/lib/errors.js";
import { localHost } from "../../../src/lib/host/local-host.js";
import { inspectMachine } from "../../../src/migrators/physical/inspect.js";
import type { Machine } from "../../../src/migrators/types.js";
import { FakeHost } from "../../helpers/fake-host.js";

describe("inspection of the machine that the tests run on", () => {
  let machine: Machine;
  before(async () => {
    machine = await inspectMachine(localHost());
  });

  it("knows processors, memory, name and boot id", async () => {
    assert.equal(machine.cpus, cpus().length);
    assert.equal(machine.hostname, hostname());
    assert.equal(machine.bootId, (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim());
    const memTotal = Number(/^MemTotal:\s*(\d+)/m.exec(await readFile("/proc/meminfo", "utf8"))?.[1]) * 1024;
    assert.ok(machine.memory >= memTotal && machine.memory < memTotal * 1.15, `${machine.memory} for ${memTotal}`);
  });

  it("knows the distribution", async () => {
    const text = await readFile("/etc/os-release", "utf8");
    assert.ok(text.includes(`ID=${machine.distribution.id}`), machine.distribution.id);
  });

  it("sees the same clock as we do", () => {
    assert.ok(Math.abs(machine.clockSkewMs) < 1000, `${machine.clockSkewMs} ms`);
  });

  it("knows the running kernel", async () => {
    const release = (await readFile("/proc/sys/kernel/osrelease", "utf8")).trim();
    assert.equal(machine.kernels.filter((kernel) => kernel.running)[0]?.release, release);
  });

  it("finds the NICs that /sys has, but not the loopback", async () => {
    const { stdout } = await localHost().run(["ls", "/sys/class/net"]);
    const names = stdout.split("\n").filter((name) => name !== "" && name !== "lo" && name !== "bonding_masters");
    assert.deepEqual(machine.network.nics.map((nic) => nic.name).sort(), names.sort());
  });
});

describe("inspection that goes wrong", () => {
  it("is an error when the script does not come to its end", async () => {
    const host = new FakeHost("web1").on(["sh", "-s"], { stdout: "This account is closed.\n", exitCode: 1 });
    await assert.rejects(inspectMachine(host), (error) => {
      assert.ok(error instanceof RehomeError);
      assert.equal(error.code, "output-unreadable");
      assert.equal(error.where.machine, "web1");
      return true;
    });
  });

  it("names what could not be found out when the machine has next to no tools", async () => {
    const host = new FakeHost("bare");
    host.on(["sh", "-s"], (call) => {
      const mark = /^mark=(\S+)$/m.exec(call.input.toString())?.[1] ?? "";
      return `${mark} begin clock\n1700000000 \n${mark} end clock 0\n${mark} complete\n`;
    });
    const machine = await inspectMachine(host);
    const all = machine.unknown.join("\n");
    for (const word of [
      "root",
      "processors",
      "memory",
      "firmware",
      "disks",
      "mounted",
      "distribution",
      "addresses",
      "routes",
      "clock",
    ]) {
      assert.match(all, new RegExp(word), word);
    }
    assert.deepEqual(machine.disks, []);
  });
});
