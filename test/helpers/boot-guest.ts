import assert from "node:assert/strict";
import { readFile, rm } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { localHost } from "../../src/lib/host/local-host.js";
import { accelerator } from "./accelerator.js";

/** Half a minute on an idle machine where guests are emulated. */
const BOOT_MS = 12 * 60_000;
const LEDGER_PORT = 7000;

export interface BootRequest {
  readonly name: string;
  /** Gets the console's log. */
  readonly folder: string;
  readonly volumes: readonly string[];
  readonly mac: string;
  /** The guest's own, below 192.0.2.0/24. */
  readonly address: string;
  /** Private key that root of the guest logs in with. */
  readonly identity: string;
}

export interface BootedGuest {
  console(): Promise<string>;
  /** What its ledger answers on TCP. */
  ledger(): Promise<string>;
  /** What a command in the guest prints, standard error included. */
  ask(command: string): Promise<string>;
  end(): Promise<void>;
}

/**
 * Starts a converted guest as the cluster would: BIOS, virtio disks and card, the serial port; on a network that only
 * loopback reaches. Waits for its login prompt.
 */
export async function bootGuest({ name, folder, volumes, mac, address, identity }: BootRequest): Promise<BootedGuest> {
  const host = localHost();
  const log = join(folder, `${name}.console`);
  await rm(log, { force: true }); // an earlier guest's login is not this one's
  const base = 20_000 + (process.pid % 10_000);
  const ports = { ssh: base, ledger: base + 10_000 };
  const forward = `hostfwd=tcp:127.0.0.1:${ports.ssh}-${address}:22,hostfwd=tcp:127.0.0.1:${ports.ledger}-${address}:${LEDGER_PORT}`;
  // not "max": QEMU 7.2 emulates some of what it has wrongly, and guests then load drivers for all of it
  const qemu = await host.start([
    ...["qemu-system-x86_64", "-accel", await accelerator(), "-machine", "pc", "-cpu", "qemu64", "-m", "768"],
    ...["-nodefaults", "-display", "none", "-serial", `file:${log}`],
    ...volumes.flatMap((path) => ["-drive", `if=virtio,format=raw,cache=unsafe,file=${path}`]),
    ...["-netdev", `user,id=net,net=192.0.2.0/24,host=192.0.2.1,restrict=on,${forward}`],
    ...["-device", `virtio-net-pci,netdev=net,mac=${mac}`],
  ]);
  let errors = "";
  qemu.stderr.on("data", (data: Buffer) => (errors += data.toString()));
  qemu.stdout.resume();
  const console = (): Promise<string> => readFile(log, "latin1").catch(() => "");
  async function end(): Promise<void> {
    qemu.kill();
    await qemu.exited;
  }
  try {
    const started = Date.now();
    while (!(await console()).includes("login:")) {
      assert.ok(Date.now() - started < BOOT_MS, `no login in time\n${errors}\n${(await console()).slice(-3000)}`);
      await sleep(500);
    }
    globalThis.console.log(`      login after ${((Date.now() - started) / 1000).toFixed(1)} s`);
  } catch (thrown) {
    await end();
    throw thrown;
  }
  return {
    console,
    end,
    ledger: () => patiently(() => readLine(ports.ledger)),
    async ask(command) {
      const argv = [
        ...["ssh", "-p", `${ports.ssh}`, "-i", identity, "-o", "BatchMode=yes", "-o", "ConnectTimeout=60"],
        ...["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "root@127.0.0.1", command],
      ];
      return patiently(async () => {
        const result = await host.run(argv, { timeoutMs: 180_000 });
        assert.notEqual(result.exitCode, 255, result.stderr);
        return `${result.stdout}${result.stderr}`;
      });
    },
  };
}

/** The login prompt may come before a service does. */
async function patiently(attempt: () => Promise<string>): Promise<string> {
  for (let number = 1; ; number += 1) {
    try {
      return await attempt();
    } catch (thrown) {
      if (number === 10) throw thrown;
      await sleep(3000);
    }
  }
}

function readLine(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let text = "";
    socket.setTimeout(20_000, () => socket.destroy(new Error("no answer")));
    socket.on("data", (data) => (text += data.toString()));
    socket.on("end", () => (text === "" ? reject(new Error("nothing was said")) : resolve(text)));
    socket.on("error", reject);
  });
}
