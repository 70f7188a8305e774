import { spawn } from "node:child_process";
import { once } from "node:events";
import { nearest } from "../../src/lib/nearest.js";
import { RehomeError } from "../../src/lib/errors.js";
import { table } from "../../src/lib/view/table.js";
import { attachConsole } from "./console.js";
import { Lab } from "./lab.js";
import type { Machine } from "./machine/machine.js";
import { MACHINES } from "./machines.js";
import { restoreSnapshot, takeSnapshot } from "./snapshots.js";

type Action = (lab: Lab, args: readonly string[]) => Promise<number>;

const SSH_MS = 3000;
/** The name of a snapshot that is given none. */
const DEFAULT_SNAPSHOT = "default";

const ACTIONS: Readonly<Record<string, Action>> = { up, status, ssh, console: showConsole, power, snapshot, restore };

/** Carries out a command of `npm run lab` in the lab's network. @throws RehomeError usage when there is no such command */
export async function runAction(command: string, args: readonly string[]): Promise<number> {
  const action = ACTIONS[command];
  if (action === undefined) {
    const meant = nearest(command, Object.keys(ACTIONS));
    throw new RehomeError("usage", `there is no command "${command}"`, {
      remedy: meant === undefined ? "npm run lab -- help" : `did you mean ${meant}?`,
    });
  }
  const lab = await Lab.open((line) => process.stderr.write(`lab: ${line}\n`));
  try {
    return await action(lab, args);
  } finally {
    await lab.close();
  }
}

async function up(lab: Lab, names: readonly string[]): Promise<number> {
  await lab.up(...(names.length > 0 ? names : MACHINES.map(({ name }) => name)));
  return 0;
}

async function status(lab: Lab): Promise<number> {
  const rows = await Promise.all(lab.machines.map(statusRow));
  process.stdout.write(`${table(["machine", "power", "ssh", "lan", "backplane", "bmc"], rows).join("\n")}\n`);
  return 0;
}

async function statusRow(machine: Machine): Promise<readonly string[]> {
  const on = await machine.isOn();
  const power = on ? await machine.runState() : "off";
  const answers = power === "running" && (await answersSsh(machine));
  const addresses = (["lan", "backplane"] as const).map(
    (network) => machine.spec.nics.find((nic) => nic.network === network)?.address ?? "-",
  );
  return [machine.name, power, answers ? "answers" : "silent", ...addresses, machine.spec.bmc.address];
}

async function answersSsh(machine: Machine): Promise<boolean> {
  try {
    await machine.waitForSsh(SSH_MS);
    return true;
  } catch (error) {
    if (error instanceof RehomeError && error.code === "command-timeout") return false;
    throw error;
  }
}

async function ssh(lab: Lab, [name = "", ...command]: readonly string[]): Promise<number> {
  const [program = "", ...args] = [...lab.machine(name).sshArgv(), ...command];
  const child = spawn(program, args, { stdio: "inherit" });
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? 130;
}

async function showConsole(lab: Lab, [name = ""]: readonly string[]): Promise<number> {
  await attachConsole(lab.machine(name).consoleSocket);
  return 0;
}

async function power(lab: Lab, [name = "", what]: readonly string[]): Promise<number> {
  const machine = lab.machine(name);
  if (what === "on") await machine.powerOn();
  else if (what === "off") await machine.cutPower();
  else throw new RehomeError("usage", `power is switched on or off, not "${what ?? ""}"`);
  return 0;
}

async function snapshot(lab: Lab, [name = DEFAULT_SNAPSHOT]: readonly string[]): Promise<number> {
  await takeSnapshot(lab, name);
  return 0;
}

async function restore(lab: Lab, [name = DEFAULT_SNAPSHOT]: readonly string[]): Promise<number> {
  await restoreSnapshot(lab, name);
  return 0;
}
