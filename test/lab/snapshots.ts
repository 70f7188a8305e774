import { access, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { RehomeError } from "../../src/lib/errors.js";
import type { Lab } from "./lab.js";
import type { Machine } from "./machine/machine.js";
import { BOOTED } from "./machine/make.js";

/** What each machine was doing when the snapshot was made: QEMU's word for it, or `off`. */
const states = z.record(z.string(), z.string());

/**
 * Keeps the state of all machines, disks and memory, as it is at one instant: all stand still meanwhile, so that none
 * misses another. What was in flight between them is lost, as on a network it may be.
 * @param name letters, digits and dashes
 */
export async function takeSnapshot(lab: Lab, name: string): Promise<void> {
  checkName(name);
  const before: Record<string, string> = {};
  for (const machine of lab.machines) before[machine.name] = (await machine.isOn()) ? await machine.runState() : "off";
  const was = (state: string): readonly Machine[] => lab.machines.filter((machine) => before[machine.name] === state);
  await Promise.all(was("running").map((machine) => machine.freeze()));
  try {
    await Promise.all(lab.machines.map((machine) => machine.saveSnapshot(name)));
    await mkdir(join(lab.folder, "snapshots"), { recursive: true });
    await writeFile(file(lab, name), JSON.stringify(before));
  } finally {
    await Promise.all(was("running").map((machine) => machine.thaw()));
  }
}

/**
 * Puts all machines back to a snapshot, and lets them go on at the same instant. Those that were made since are as after
 * their first boot, and stand still until `Lab.up`. All clocks go on from the time of the snapshot.
 * @returns the machines that go on
 * @throws RehomeError usage when there is none of that name
 */
export async function restoreSnapshot(lab: Lab, name: string): Promise<readonly Machine[]> {
  checkName(name);
  const text = await readFile(file(lab, name), "utf8").catch(() => undefined);
  if (text === undefined) throw new RehomeError("usage", `the lab has no snapshot "${name}"`);
  const before = states.parse(JSON.parse(text));
  await Promise.all(lab.machines.map((machine) => machine.cutPower()));
  await Promise.all(
    lab.machines.map(async (machine) => {
      const state = before[machine.name];
      if (state === undefined) await machine.powerOn(BOOTED);
      else if (state === "off") await machine.restoreDisks(name);
      else await machine.powerOn(name);
    }),
  );
  const running = lab.machines.filter((machine) => before[machine.name] === "running");
  await Promise.all(running.map((machine) => machine.thaw()));
  return running;
}

/** Whether the lab has a snapshot of that name. */
export async function hasSnapshot(lab: Lab, name: string): Promise<boolean> {
  checkName(name);
  return access(file(lab, name)).then(
    () => true,
    () => false,
  );
}

function file(lab: Lab, name: string): string {
  return join(lab.folder, "snapshots", name);
}

function checkName(name: string): void {
  if (!/^[a-z0-9-]+$/i.test(name)) {
    throw new RehomeError("usage", `a snapshot cannot be called "${name}"`, {
      remedy: "use letters, digits and dashes",
    });
  }
}
