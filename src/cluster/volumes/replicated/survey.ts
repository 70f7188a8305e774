import type { Host } from "../../../lib/host/types.js";
import { runChecked } from "../../../lib/host/run.js";
import { lvmRows } from "../../setup/facts/storage.js";

/** What a host has of volumes and DRBD resources, ours and others'. */
export interface Survey {
  readonly host: string;
  readonly free: number;
  readonly volumes: readonly { readonly name: string; readonly size: number; readonly tags: readonly string[] }[];
  /** Resource files of drbd.d, by the resource's name. */
  readonly files: ReadonlyMap<string, string>;
  /** Minors and TCP ports that DRBD's configuration or anything that runs has taken. */
  readonly minors: ReadonlySet<number>;
  readonly ports: ReadonlySet<number>;
}

const LIMIT = { timeoutMs: 60_000 };
const LVM = ["--reportformat", "json", "--units", "b", "--nosuffix"];
export const RESOURCES = "/etc/drbd.d";

/** One resource file after the other: its path, its content in base64. */
const FILES =
  'for file in /etc/drbd.d/*.res; do [ -e "$file" ] && printf "%s " "$file" && base64 -w0 -- "$file" && echo; done; true';

/** Looks at a host; changes nothing. @throws RehomeError command-failed, connection-lost */
export async function surveyHost(host: Host, group: string): Promise<Survey> {
  const [vgs, lvs, files, devices, sockets] = await Promise.all([
    runChecked(host, ["vgs", ...LVM, "-o", "vg_name,vg_free"], LIMIT),
    runChecked(host, ["lvs", ...LVM, "-o", "lv_name,vg_name,lv_size,lv_tags"], LIMIT),
    resourceFiles(host),
    runChecked(host, ["sh", "-c", "ls /sys/block"], LIMIT),
    runChecked(host, ["ss", "-Htan"], LIMIT),
  ]);
  const [groups, volumes] = [lvmRows(vgs, "vg"), lvmRows(lvs, "lv")];
  const configured = [...files.values()].join("\n");
  return {
    host: host.name,
    free: Number(groups.find((row) => row["vg_name"] === group)?.["vg_free"] ?? 0),
    volumes: volumes
      .filter((row) => row["vg_name"] === group)
      .map((row) => ({
        name: row["lv_name"] ?? "",
        size: Number(row["lv_size"]),
        tags: (row["lv_tags"] ?? "").split(",").filter(Boolean),
      })),
    files,
    minors: numbers(`${configured}\n${devices}`, /\b(?:minor\s+|drbd)(\d+)\b/g),
    ports: new Set([...numbers(configured, /address\s[^;]*:(\d+)\s*;/g), ...numbers(sockets, /:(\d+)\s/g)]),
  };
}

/** Resource files of drbd.d on a host, by the resource's name. @throws RehomeError command-failed, connection-lost */
export async function resourceFiles(host: Host): Promise<ReadonlyMap<string, string>> {
  return parseFiles(await runChecked(host, ["sh", "-c", FILES], LIMIT));
}

/** Tags of one logical volume. @throws RehomeError command-failed when there is none of that name */
export async function tagsOf(host: Host, group: string, volume: string): Promise<readonly string[]> {
  const rows = lvmRows(await runChecked(host, ["lvs", ...LVM, "-o", "lv_tags", `${group}/${volume}`], LIMIT), "lv");
  return (rows[0]?.["lv_tags"] ?? "").split(",").filter(Boolean);
}

function parseFiles(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split("\n").flatMap((line) => {
      const [path = "", content = ""] = line.split(" ");
      const text = Buffer.from(content, "base64").toString("utf8");
      const name = /^\s*resource\s+"?([^\s"{]+)"?\s*\{/m.exec(text)?.[1] ?? path.replace(/^.*\/|\.res$/g, "");
      return path === "" ? [] : [[name, text] as const];
    }),
  );
}

function numbers(text: string, pattern: RegExp): ReadonlySet<number> {
  return new Set([...text.matchAll(pattern)].map((match) => Number(match[1])));
}
