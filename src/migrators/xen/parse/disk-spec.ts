import type { DiskBackend, DomainDisk } from "../types.js";

/** Formats by the names that disk specifications have for them. */
const FORMATS: Readonly<Record<string, DiskBackend | "raw">> = {
  raw: "raw",
  aio: "tap",
  qcow: "qcow",
  qcow2: "qcow2",
  qed: "qed",
  vhd: "vhd",
};

/** `raw`, `qcow2` … of a disk at a path, as a backend. */
export function backendOf(format: string, path: string): DiskBackend {
  const known = Object.hasOwn(FORMATS, format) ? FORMATS[format] : undefined;
  if (known !== "raw") return known ?? "other";
  return path.startsWith("/dev/") ? "phy" : "file";
}

interface Fields {
  target: string;
  format?: string;
  vdev?: string;
  access?: string;
  devtype?: string;
  backendtype?: string;
  script?: string;
}

/** What may stand without `key=`, in this order. */
const POSITIONAL = ["target", "format", "vdev", "access"] as const;

/**
 * One disk of a configuration file: xl-disk-configuration(5), with the older `phy:PATH,vdev,mode` and
 * `tap:aio:PATH,vdev,mode`.
 * @returns undefined when it names no device of the domain
 */
export function parseDiskSpec(spec: string): DomainDisk | undefined {
  const { kinds, rest } = prefixesOf(spec.trim());
  const fields = kinds.length > 0 || SCRIPTED.test(rest) ? oldFields(rest) : fieldsOf(rest);
  const [, device, old = ""] = /^([a-z][a-z0-9]*)(:.*)?$/.exec(fields.vdev ?? "") ?? [];
  if (device === undefined) return undefined;
  const cdrom = old === ":cdrom" || fields.devtype === "cdrom";
  return {
    device,
    path: pathOf(fields.target),
    backend: specBackend(kinds, fields),
    writable: !cdrom && /^(w|rw|w!)$/.test(fields.access ?? "rw"),
    cdrom,
  };
}

/** A relative path of `phy:` is below /dev. */
function pathOf(target: string): string {
  return target.startsWith("phy:") ? `/dev/${target.slice("phy:".length)}` : target;
}

function specBackend(kinds: readonly string[], { format, script, backendtype, target }: Fields): DiskBackend {
  if (SCRIPTED.test(target) || (script !== undefined && script !== "block")) return "other";
  if (kinds[0] === "phy") return "phy";
  if (kinds[0] === "file") return "file";
  const last = kinds.at(-1);
  if (last !== undefined && kinds[0]?.startsWith("tap")) return backendOf(last, target);
  const inferred = backendOf(format === undefined || format === "" ? (last ?? "raw") : format, target);
  return backendtype === "tap" && inferred === "file" ? "tap" : inferred;
}

const PREFIX = /^(phy|file|tap2?|aio|raw|qcow2?|vhd|qed|ioemu):/;
/** What a script of the host makes a device of. */
const SCRIPTED = /^(nbd|drbd|iscsi|rbd|script|block-[\w-]+):/;

/** The words before the path: `tap:aio:`, `phy:`. */
function prefixesOf(spec: string): { readonly kinds: readonly string[]; readonly rest: string } {
  const kinds: string[] = [];
  let rest = spec;
  for (let found = PREFIX.exec(rest); found?.[1] !== undefined; found = PREFIX.exec(rest)) {
    if (found[1] !== "ioemu") kinds.push(found[1]);
    rest = rest.slice(found[0].length);
  }
  if (kinds[0] === "phy" && !rest.startsWith("/")) rest = `phy:${rest}`;
  return { kinds, rest };
}

/** `PATH,vdev,mode` after a word such as `phy:`. */
function oldFields(rest: string): Fields {
  const [target = "", vdev = "", access = "w", ...more] = rest.split(",").map((part) => part.trim());
  if (vdev.includes("=") || /^(raw|qcow2?|vhd)$/.test(vdev)) return fieldsOf(rest);
  const keyed = fieldsOf(more.join(","));
  return { ...keyed, target, vdev, access };
}

function fieldsOf(spec: string): Fields {
  const fields: Fields = { target: "" };
  let position = 0;
  const parts = spec.split(",");
  for (const [index, part] of parts.entries()) {
    const [, key, value = ""] =
      /^\s*(target|format|vdev|access|devtype|backendtype|script)\s*=\s*(.*?)\s*$/.exec(part) ?? [];
    if (key === "target") {
      // the rest of it, commas and all: a target is always last
      return { ...fields, target: [value, ...parts.slice(index + 1)].join(",") };
    }
    if (key !== undefined) fields[key as keyof Fields] = value;
    else if (part.trim() === "cdrom") fields.devtype = "cdrom";
    else if (!/^\s*[a-z-]+(=|\s*$)/.test(part) || position < POSITIONAL.length) {
      const name = POSITIONAL[position];
      if (name !== undefined) fields[name] = part.trim();
      position += 1;
    }
  }
  return fields;
}
