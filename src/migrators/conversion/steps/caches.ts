import { joinFindings, NOTHING, readText } from "../text.js";
import type { Edit, Finding, Step, StepContext } from "../types.js";

/** Files that remember the source's devices and are made again when they are missing. */
const CACHES = [
  "/etc/lvm/cache/.cache",
  "/etc/lvm/.cache",
  "/etc/blkid.tab",
  "/etc/blkid.tab.old",
  "/etc/blkid/blkid.tab",
  "/etc/blkid/blkid.tab.old",
  "/run/blkid/blkid.tab",
  "/run/blkid/blkid.tab.old",
  "/dev/.blkid.tab",
  "/etc/udev/rules.d/70-persistent-cd.rules",
  "/etc/udev/rules.d/z25_persistent-cd.rules",
];

/** Caches and rules that name the source's hardware. */
export const caches: Step = {
  name: "stale caches",
  async check(context) {
    const edits: Edit[] = [];
    for (const path of CACHES) {
      if ((await context.files.stat(path))?.type === "file") edits.push({ kind: "remove", path, what: ["dropped"] });
    }
    return joinFindings([{ edits, warnings: [] }, await checkDevicesFile(context)]);
  },
};

/** lvmdevices(8): LVM sees only the devices in this file, by their serials; without it, all of them. */
async function checkDevicesFile({ files }: StepContext): Promise<Finding> {
  const path = "/etc/lvm/devices/system.devices";
  const content = await files.read(path);
  if (content === undefined) return NOTHING;
  return {
    edits: [
      { kind: "write", path: `${path}.before-rehome`, content, what: ["a copy of the list of LVM's devices"] },
      { kind: "remove", path, what: ["LVM's devices are those that it finds"] },
    ],
    warnings: [],
  };
}

/** lvm.conf(5): devices that LVM looks at. A filter by the source's names hides the guest's physical volumes. */
export const lvmFilter: Step = {
  name: "lvm filter",
  async check({ files, devices }) {
    const text = await readText(files, "/etc/lvm/lvm.conf");
    const volumes = devices.filter((device) => device.format === "LVM2_member");
    if (text === undefined) return NOTHING;
    const filters = [...text.matchAll(/^[ \t]*(?:global_)?filter[ \t]*=[ \t]*(?:\[([^\]]*)\]|(".*"))/gm)];
    const hidden = volumes.filter((device) =>
      filters.some((filter) => !accepts(filter[1] ?? filter[2] ?? "", device.path)),
    );
    if (hidden.length === 0) return NOTHING;
    const names = hidden.map((device) => device.path).join(", ");
    const warning =
      `the filter in /etc/lvm/lvm.conf hides ${names}: accept "a|^/dev/vd|" on the source, ` +
      "run update-initramfs -u there, and stage again";
    return { edits: [], warnings: [warning] };
  },
};

/** Of a pattern that somebody wrote to name disks. */
const MOST_REPEATS = 3;

/** Patterns are `a|regex|` or `r|regex|` with any delimiter; the first that matches decides, no match accepts. */
function accepts(filter: string, path: string): boolean {
  for (const [, pattern = ""] of filter.matchAll(/"((?:[^"\\]|\\.)*)"/g)) {
    const delimiter = pattern[1];
    if (delimiter === undefined) continue;
    const end = { "[": "]", "(": ")", "{": "}" }[delimiter] ?? delimiter;
    const body = pattern.slice(2, pattern.lastIndexOf(end));
    if ((body.match(/[*+{]/g) ?? []).length > MOST_REPEATS) return true; // it could be made to take hours
    try {
      if (new RegExp(body).test(path)) return pattern.startsWith("a");
    } catch {
      return true; // a pattern of LVM's own kind: nothing can be said, and LVM worked with it
    }
  }
  return true;
}
