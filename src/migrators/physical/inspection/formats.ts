import { failureOf, section, type NoteUnknown, type Sections } from "./sections.js";

/** What is on a device. */
export interface Format {
  readonly format: string | undefined;
  readonly uuid: string | undefined;
  readonly label: string | undefined;
}

/** Formats by path (`/dev/sda1`, `/dev/mapper/vg0-root`): blkid's, and lsblk's for what blkid does not name. */
export function parseFormats(sections: Sections, unknown: NoteUnknown): ReadonlyMap<string, Format> {
  const blkid = section(sections, "formats");
  const lsblk = section(sections, "formats-lsblk");
  const failure = failureOf(blkid, "blkid");
  if (failure !== undefined && lsblk.status !== 0) unknown(`file systems that are not mounted: ${failure}`);
  const fromLsblk = lsblk.lines.map((line): [string, Format] => {
    const values = pairs(line);
    const name = values.get("NAME") ?? "";
    return [`/dev/${name.replaceAll("!", "/")}`, formatOf(values.get("FSTYPE"), values)];
  });
  const fromBlkid = blkid.lines.flatMap((line): [string, Format][] => {
    const path = /^(\/\S+?):\s/.exec(line)?.[1];
    const values = pairs(line);
    return path === undefined ? [] : [[path, formatOf(values.get("TYPE"), values)]];
  });
  return new Map([...fromLsblk, ...fromBlkid].filter(([, format]) => format.format !== undefined));
}

function formatOf(type: string | undefined, values: ReadonlyMap<string, string>): Format {
  return {
    // blkid of e2fsprogs (CentOS 5) has names of its own for these
    format: type === undefined ? undefined : (OLD_NAMES[type] ?? type),
    uuid: values.get("UUID"),
    label: values.get("LABEL"),
  };
}

const OLD_NAMES: Readonly<Record<string, string>> = {
  lvm2pv: "LVM2_member",
  mdraid: "linux_raid_member",
  "swap-suspend": "swsuspend",
};

/** `KEY="value"` pairs; a backslash in a value protects the next character. Empty values are left out. */
function pairs(line: string): ReadonlyMap<string, string> {
  const found = [...line.matchAll(/([A-Z_]+)="((?:\\.|[^"\\])*)"/g)];
  return new Map(
    found.flatMap(([, key = "", value = ""]) => (value === "" ? [] : [[key, value.replace(/\\(.)/g, "$1")] as const])),
  );
}
