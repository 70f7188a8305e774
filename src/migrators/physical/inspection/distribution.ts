import type { Distribution } from "../../types.js";
import { records, section, type NoteUnknown, type Sections } from "./sections.js";

/** os-release(5), or what distributions before it had: CentOS up to 6, Debian up to 6, SLES up to 11, Ubuntu up to 12.04. */
export function parseDistribution(sections: Sections, unknown: NoteUnknown): Distribution {
  const found = fromOsRelease(section(sections, "release").lines) ?? fromOldFiles(sections);
  if (found !== undefined) return found;
  unknown("distribution: there is no /etc/os-release and no older file that is known");
  return { id: "unknown", version: "", name: "unknown" };
}

function fromOsRelease(lines: readonly string[]): Distribution | undefined {
  const values = new Map(
    lines.flatMap((line) => {
      const match = /^([A-Z_]+)=(.*)$/.exec(line);
      return match?.[1] === undefined ? [] : [[match[1], unquote(match[2] ?? "")] as const];
    }),
  );
  const id = values.get("ID");
  if (id === undefined) return undefined;
  return { id, version: values.get("VERSION_ID") ?? "", name: values.get("PRETTY_NAME") ?? values.get("NAME") ?? id };
}

/** A value as sh would read it: quoted or not, with backslashes. */
function unquote(text: string): string {
  const quoted = /^(["'])(.*)\1\s*$/.exec(text.trim());
  return (quoted?.[2] ?? text.trim()).replace(/\\(.)/g, "$1");
}

function fromOldFiles(sections: Sections): Distribution | undefined {
  const files = new Map(
    records(section(sections, "release-old").lines, "file").map((record) => [
      record.words[0] ?? "",
      record.lines.map((line) => line.replace(/^\| ?/, "")),
    ]),
  );
  return (
    redHat(files.get("/etc/redhat-release")?.[0]) ??
    suse(files.get("/etc/SuSE-release")) ??
    lsb(files.get("/etc/lsb-release")) ??
    plain("debian", "Debian GNU/Linux", files.get("/etc/debian_version")?.[0]) ??
    plain("alpine", "Alpine Linux", files.get("/etc/alpine-release")?.[0])
  );
}

const RED_HATS: readonly (readonly [RegExp, string])[] = [
  [/^CentOS/, "centos"],
  [/^Red Hat/, "rhel"],
  [/^Scientific/, "scientific"],
  [/^Fedora/, "fedora"],
  [/^(Oracle|Enterprise) Linux/, "ol"],
];

/** `CentOS release 5.11 (Final)` */
function redHat(line: string | undefined): Distribution | undefined {
  const version = /\brelease (\d[\w.]*)/.exec(line ?? "")?.[1];
  if (line === undefined || version === undefined) return undefined;
  return { id: RED_HATS.find(([pattern]) => pattern.test(line))?.[1] ?? "unknown", version, name: line.trim() };
}

/** `SUSE Linux Enterprise Server 11 (x86_64)`, then `VERSION = 11` and `PATCHLEVEL = 4`. */
function suse(lines: readonly string[] | undefined): Distribution | undefined {
  const [name] = lines ?? [];
  if (lines === undefined || name === undefined) return undefined;
  const value = (key: string) =>
    lines.map((line) => new RegExp(`^${key}\\s*=\\s*(\\S+)`).exec(line)?.[1]).find(Boolean);
  const version = [value("VERSION"), value("PATCHLEVEL")].filter((part) => part !== undefined).join(".");
  return { id: name.startsWith("openSUSE") ? "opensuse" : "sles", version, name: name.trim() };
}

/** Ubuntu's; files of that name without DISTRIB_ID say nothing. */
function lsb(lines: readonly string[] | undefined): Distribution | undefined {
  const value = (key: string) =>
    lines?.flatMap((line) => (line.startsWith(`${key}=`) ? [unquote(line.slice(key.length + 1))] : []))[0];
  const id = value("DISTRIB_ID")?.toLowerCase();
  if (id === undefined) return undefined;
  return { id, version: value("DISTRIB_RELEASE") ?? "", name: value("DISTRIB_DESCRIPTION") ?? id };
}

function plain(id: string, name: string, version: string | undefined): Distribution | undefined {
  return version === undefined ? undefined : { id, version: version.trim(), name: `${name} ${version.trim()}` };
}
