import { join } from "node:path";
import { consoleTail, plainConsole } from "../../lib/console-text.js";
import { delay } from "../../lib/delay.js";
import { RehomeError } from "../../lib/errors.js";
import { runChecked } from "../../lib/host/run.js";
import type { Host, HostProcess } from "../../lib/host/types.js";
import { openQmp, type Qmp } from "../../lib/qmp.js";
import { freeSpace, noSpace } from "../conversion/overlays.js";
import { AGENT, qemuArgv, type Hardware } from "./hardware.js";
import { failedServices, late, recognise, saysLate, type Seen, type Verdict } from "./recognise.js";
import { SCREEN, SCREEN_BYTES, screenText } from "./screen.js";

/** Between two looks at a guest. */
const LOOK_MS = 1000;
/** What looks stuck must look so this often: a boot loader may say something and go on. */
const LOOKS = 3;
/** Bytes of a console's end that are looked at and kept. */
const CONSOLE_END = 256 * 1024;
/** Bytes that a guest which writes and writes must leave on the disk of its overlays, for whoever else needs it. */
const RESERVE = 256 * 1024 * 1024;
/** QEMU itself may be slow where it emulates on a busy machine. */
const ANSWER_MS = 60_000;

export interface BootOptions extends Omit<Hardware, "consoleLog"> {
  readonly host: Host;
  /** For QEMU's files; the caller removes it. */
  readonly workFolder: string;
  /** Gets the picture of the screen. */
  readonly keepFolder: string;
  /** How long the guest may take, in ms. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface Booted {
  readonly verdict: Verdict;
  /** Whether it comes from something that took too long. */
  readonly late: boolean;
  /** Until the verdict, in ms. */
  readonly bootMs: number;
  /** Plain text. */
  readonly console: string;
  readonly screen: string;
  readonly failedServices: readonly string[];
  readonly screenshot: string | undefined;
}

/**
 * Starts a guest from its overlays, apart from every network, watches it until it has booted or is stuck, and ends it.
 * @throws RehomeError conversion-no-space, command-failed when QEMU ends or refuses something, target-write-failed when a disk of the guest could not be read
 *   or written, cancelled
 */
export async function bootApart(options: BootOptions): Promise<Booted> {
  const { host, workFolder, signal } = options;
  const consoleLog = join(workFolder, "console.log");
  const qemu = await host.start(qemuArgv({ ...options, consoleLog }), signal && { signal });
  let errors = "";
  qemu.stderr.on("data", (data: Buffer) => (errors = `${errors}${data.toString("utf8")}`.slice(-4000)));
  const startedAt = Date.now();
  const restarts = { count: 0 };
  try {
    const monitor = await openQmp({
      machine: host.name,
      input: qemu.stdout,
      output: qemu.stdin,
      answerMs: ANSWER_MS,
      onEvent: ({ event, data }) => {
        if (event === "RESET" && data["guest"] === true) restarts.count += 1;
      },
    });
    return await watch(options, { monitor, consoleLog, restarts, startedAt });
  } catch (thrown) {
    signal?.throwIfAborted();
    throw explain(thrown, host, errors);
  } finally {
    await end(qemu);
  }
}

interface Watched {
  readonly monitor: Qmp;
  readonly consoleLog: string;
  readonly restarts: { readonly count: number };
  readonly startedAt: number;
}

async function watch(options: BootOptions, watched: Watched): Promise<Booted> {
  const { timeoutMs, signal } = options;
  let same: { readonly verdict: Verdict; readonly bootMs: number; readonly looks: number } | undefined;
  for (;;) {
    const seen = await look(options, watched);
    const elapsed = Date.now() - watched.startedAt;
    const verdict = recognise(seen);
    if (verdict === undefined) same = undefined;
    else if (same?.verdict.boots === verdict.boots) same = { ...same, verdict, looks: same.looks + 1 };
    else same = { verdict, bootMs: elapsed, looks: 1 };
    const timeIsUp = elapsed > timeoutMs;
    if (timeIsUp || same?.verdict.boots === true || (same !== undefined && same.looks >= LOOKS)) {
      return {
        verdict: same?.verdict ?? late(seen),
        late: same === undefined || saysLate(seen.console),
        bootMs: same?.bootMs ?? elapsed,
        console: seen.console,
        screen: seen.screen,
        failedServices: failedServices(seen.console),
        screenshot: await screenshot(options, watched.monitor),
      };
    }
    await delay(LOOK_MS, signal);
  }
}

async function look(options: BootOptions, { monitor, consoleLog, restarts }: Watched): Promise<Seen> {
  const { host, workFolder } = options;
  if ((await freeSpace(options)) < RESERVE) throw noSpace(options, "what the guest writes fills its disk");
  const { status } = (await monitor.ask("query-status")) as { readonly status: string };
  if (status === "io-error") {
    throw new RehomeError("target-write-failed", "a disk of the guest could not be read, or its overlay not written", {
      machine: host.name,
      path: workFolder,
      remedy: "see whether there is space left, and whether the copy can be read",
    });
  }
  if (status === "internal-error") throw new RehomeError("command-failed", "QEMU came upon an error of its own");
  const chardevs = (await monitor.ask("query-chardev")) as readonly { label: string; "frontend-open": boolean }[];
  const memory = join(workFolder, "screen.memory");
  await monitor.ask("pmemsave", { val: SCREEN.address, size: SCREEN_BYTES, filename: memory });
  const tail = await runChecked(host, ["tail", "-c", `${CONSOLE_END}`, "--", consoleLog]);
  return {
    console: plainConsole(tail),
    screen: screenText(await host.readFile(memory)) ?? "",
    status,
    agent: chardevs.some((chardev) => chardev.label === AGENT && chardev["frontend-open"]),
    restarts: restarts.count,
  };
}

/** @returns its path: PNG, or PPM with a QEMU before 7.1 */
async function screenshot({ keepFolder }: BootOptions, monitor: Qmp): Promise<string | undefined> {
  const png = join(keepFolder, "screen.png");
  const ppm = join(keepFolder, "screen.ppm");
  try {
    await monitor.ask("screendump", { filename: png, format: "png" });
    return png;
  } catch (thrown) {
    if (!(thrown instanceof RehomeError) || thrown.code !== "command-failed") throw thrown;
    await monitor.ask("screendump", { filename: ppm });
    return ppm;
  }
}

/** With what QEMU said before it ended. */
function explain(thrown: unknown, host: Host, errors: string): unknown {
  if (!(thrown instanceof RehomeError) || thrown.code !== "command-failed" || errors.trim() === "") return thrown;
  const output = consoleTail(errors, 10);
  return new RehomeError("command-failed", thrown.message, { machine: host.name, output, cause: thrown });
}

async function end(qemu: HostProcess): Promise<void> {
  qemu.kill();
  await qemu.exited.catch((thrown: unknown) => {
    if (!(thrown instanceof RehomeError) || thrown.code !== "cancelled") throw thrown;
  });
}
