import { access, readFile, writeFile } from "node:fs/promises";
import { Eta } from "eta";
import { isGuestName } from "../lib/config/schema.js";
import { RehomeError } from "../lib/errors.js";
import { reasonOf } from "../lib/folder.js";
import type { LoginOptions } from "./source.js";
import type { Machine } from "./types.js";

const TEMPLATE = new URL("../../templates/rehome.yaml.eta", import.meta.url);

/** A source to begin with, and the machine that it is. */
export interface StarterSource {
  readonly address: string;
  readonly login: LoginOptions;
  readonly machine: Machine;
}

/** A commented rehome.yaml; an example server stands in it when there is no source yet. */
export async function renderStarter(source?: StarterSource): Promise<string> {
  const template = await readFile(TEMPLATE, "utf8");
  // every text goes through JSON, which is YAML: nothing that a machine is called can be more than a text
  const quote = (value: unknown) => JSON.stringify(value).replace(/[\u007f-\uffff]/g, escapeUnit);
  const machine = source?.machine;
  return new Eta({ autoEscape: false, autoTrim: false }).renderString(template, {
    quote,
    inspected: machine !== undefined,
    name: nameFor(machine?.hostname),
    address: source?.address ?? "root@192.0.2.10",
    login: Object.entries(source?.login ?? {}),
    distribution: machine?.distribution.name,
    cpus: machine?.cpus ?? 2,
    memory: machine === undefined ? "4GiB" : `${Math.ceil(machine.memory / 1024 ** 2)}MiB`,
    nics: machine?.network.nics.filter((nic) => nic.physical && nic.up).map((nic) => nic.name) ?? [],
    disks: machine?.disks.map((disk) => disk.name) ?? [],
  });
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** The first part of a host name, when it can be a guest's name. */
function nameFor(hostname: string | undefined): string {
  const [short = ""] = (hostname ?? "").split(".");
  return isGuestName(short) ? short : "old-server";
}

/** Before a machine is inspected for it. @throws RehomeError config-exists */
export async function requireAbsent(path: string): Promise<void> {
  const there = await access(path).then(
    () => true,
    () => false, // whatever else is wrong with the path, writing it tells
  );
  if (there) throw exists(path);
}

/** Writes a new rehome.yaml. @throws RehomeError config-exists, file-unwritable */
export async function writeStarter(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text, { flag: "wx" });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "EEXIST") throw exists(path);
    throw new RehomeError("file-unwritable", `cannot write: ${reasonOf(cause)}`, {
      path,
      remedy: "name a file in a folder that is there and may be written to, with --config",
      cause,
    });
  }
}

function exists(path: string): RehomeError {
  return new RehomeError("config-exists", "the file is there already, and is left as it is", {
    path,
    remedy: "name another one with --config, or move it away",
  });
}
