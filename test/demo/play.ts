import { mkdir } from "node:fs/promises";
import { asRehomeError, formatError } from "../../src/lib/errors.js";
import { localHost } from "../../src/lib/host/local-host.js";
import { runChecked } from "../../src/lib/host/run.js";
import { formatDuration } from "../../src/lib/units.js";
import { accelerator } from "../helpers/accelerator.js";
import { LEDGER_PORT, SERVER_ADDRESS, serverImage } from "../helpers/server-image.js";
import { Checks } from "./checks.js";
import { Client } from "./client.js";
import { writeConfig } from "./config.js";
import { startLibvirt } from "./libvirt.js";
import { moveServer } from "./move.js";
import { parseOptions } from "./options.js";
import { say } from "./say.js";
import { onServer, prepareSource, waitForSsh } from "./source.js";
import { closingTables } from "./tables.js";
import { checkGuest, checkNumbers, identityOf } from "./verdict.js";

const BOOT_MS = 10 * 60_000;
const ANSWER_MS = 60_000;

/** The demo in its own world (world.sh): boots the server, lets a client count, moves the server, checks, and sums up. */
async function play(work: string, args: readonly string[]): Promise<number> {
  const options = parseOptions(args);
  if (options === "help") return 0;
  const checks = new Checks();
  const source = await prepareSource(work, await serverImage(), await accelerator());
  await writeConfig(work, source);
  say("switching the server on (Debian 12, BIOS, grub, LVM; SATA disks, e1000)");
  await runChecked(localHost(), source.powerOn);
  await startLibvirt();
  const bootMs = await waitForSsh(source, BOOT_MS);
  say(`the server answers ssh after ${formatDuration(bootMs)}`);
  const client = new Client(SERVER_ADDRESS, LEDGER_PORT);
  const first = await client.nextAfter(0, ANSWER_MS);
  checks.check(`the client counts, from ${first.number} on`, first.number === 1, `it began with ${first.number}`);

  if (options.onlySource) {
    say((await onServer(source, "lsblk -f; ip -br address; systemd-analyze")).trimEnd());
  } else {
    const before = await identityOf(source);
    const move = await moveServer(work, client, checks, options);
    await checkGuest(work, source, before, checks);
    const outage = client.longestOutage(move.cutoverAt);
    await client.stop();
    await checkNumbers(source, client, outage, checks);
    process.stdout.write(`\n${(await closingTables(work, move, outage)).join("\n")}\n\n`);
  }
  await client.stop();
  if (options.keep) await mkdir(`${work}/keep`);
  process.stdout.write(`${checks.summary()}\n`);
  return checks.failed === 0 ? 0 : 1;
}

// The world lives as long as the program that started it: its end closes this pipe, and process 1 then ends all.
process.stdin.resume();
process.stdin.once("end", () => process.exit(130));

const [work = "", ...args] = process.argv.slice(2);
try {
  process.exitCode = await play(work, args);
} catch (error) {
  process.stderr.write(`demo: ${formatError(asRehomeError(error))}\n`);
  process.stdout.write("0 passed, 1 failed\n");
  process.exitCode = 1;
}
process.exit();
