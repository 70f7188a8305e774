import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { localHost } from "../../../src/lib/host/local-host.js";
import { startScript } from "./qemu.js";

const script = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

describe("the power switch of a machine of the lab", () => {
  const host = localHost();
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "rehome-power-"));
    // in QEMU's stead: a process with the folder on its command line, in the background, that writes its id
    const program = `sh -c 'while :; do sleep 1; done' "$0/" >/dev/null 2>&1 & echo $! >"$0/pid"; echo "$*" >"$0/arguments"`;
    await writeFile(join(folder, "start"), startScript(["sh", "-c", program, folder, "it's"]));
  });
  afterEach(async () => {
    await power("off");
    await rm(folder, { recursive: true });
  });

  async function power(...what: string[]): Promise<string> {
    return (await host.run(["sh", script("power.sh"), folder, ...what])).stdout.trim();
  }

  async function chassis(...what: string[]): Promise<string> {
    return (await host.run(["sh", script("chassis.sh"), folder, ...what])).stdout.trim();
  }

  it("switches on once, off for good, and tells which it is", async () => {
    assert.equal(await power("state"), "off");
    await power("on");
    const first = await host.readFile(join(folder, "pid"));
    await power("on");
    assert.deepEqual(await host.readFile(join(folder, "pid")), first);
    assert.equal(await power("state"), "on");
    await power("off");
    assert.equal(await power("state"), "off");
  });

  it("is off when the machine has ended by itself", async () => {
    await power("on");
    process.kill(Number(await host.readFile(join(folder, "pid"))), "SIGKILL");
    assert.equal(await power("state"), "off");
  });

  it("goes on from a snapshot when it is told one", async () => {
    await power("on", "first");
    assert.equal((await host.readFile(join(folder, "arguments"))).toString(), "it's -loadvm first -S\n");
  });

  it("does what a BMC wants: state, off, on, reset; refuses what it cannot do", async () => {
    assert.equal(await chassis("get", "power"), "power:0");
    await chassis("set", "power", "1");
    assert.equal(await chassis("get", "power"), "power:1");
    const first = await host.readFile(join(folder, "pid"));
    await chassis("set", "reset", "1");
    assert.notDeepEqual(await host.readFile(join(folder, "pid")), first);
    await chassis("set", "power", "0");
    assert.equal(await chassis("get", "power"), "power:0");
    assert.equal((await host.run(["sh", script("chassis.sh"), folder, "set", "identify", "1"])).exitCode, 1);
  });
});
