import { mkdir } from "node:fs/promises";
import { localHost } from "../../src/lib/host/local-host.js";
import { runChecked } from "../../src/lib/host/run.js";
import { accelerator } from "../helpers/accelerator.js";
import { LEDGER_PORT, SERVER_ADDRESS, serverImage } from "../helpers/server-image.js";
import { Checks } from "./checks.js";
import { Client } from "./client.js";
import { startLibvirt } from "./libvirt.js";
import { parseOptions } from "./options.js";
import { say } from "./say.js";
import { onServer, prepareSource, waitForSsh } from "./source.js";

const BOOT_MS = 5 * 60_000;
const ANSWER_MS = 60_000;

/** The demo in its own world (world.sh): play.ts WORK [flags]. */
async function play(work: string, args: readonly string[]): Promise<number> {
  const options = parseOptions(args);
  if (options === "help") return 0;
  const checks = new Checks();
  const source = await prepareSource(work, await serverImage(), await accelerator());
  say("switching the server on (Debian 12, BIOS, grub, LVM; SATA disks, e1000)");
  await runChecked(localHost(), source.powerOn);
  await startLibvirt();
  const bootMs = await waitForSsh(source, BOOT_MS);
  checks.check(`the server answers ssh after ${Math.round(bootMs / 1000)} s`, true);
  const client = new Client(SERVER_ADDRESS, LEDGER_PORT);
  const first = await client.nextAfter(0, ANSWER_MS);
  checks.check(`the client counts, from ${first.number} on`, first.number > 0);
  if (options.onlySource) {
    say((await onServer(source, "lsblk -f; ip -br address; systemd-analyze")).trimEnd());
  }
  await client.stop();
  process.stdout.write(`${checks.summary()}\n`);
  if (options.keep) await mkdir(`${work}/keep`);
  return checks.failed === 0 ? 0 : 1;
}

// The world lives as long as the program that started it: its end closes this pipe, and process 1 then ends all.
process.stdin.resume();
process.stdin.once("end", () => process.exit(130));

const [work = "", ...args] = process.argv.slice(2);
process.exit(await play(work, args));
