import { cameFromXen } from "../devices.js";
import { parseFstab } from "../fstab.js";
import { joinFindings, NOTHING, readText, writeText } from "../text.js";
import type { Finding, GuestFilesystem, Step } from "../types.js";

/**
 * Configuration that only works on Xen: drivers that find no device make systemd-modules-load fail, a setting that does
 * not exist makes sysctl fail, and a mount of /proc/xen stops the boot. The lines stay, as comments.
 */
export const xenLeftovers: Step = {
  name: "Xen's leftovers",
  async check({ files, machine }) {
    if (!cameFromXen(machine)) return NOTHING;
    const [loads, rules, settings] = await Promise.all([
      filesIn(files, "/etc/modules-load.d", /\.conf$/),
      filesIn(files, "/etc/modprobe.d", /\.conf$/),
      filesIn(files, "/etc/sysctl.d", /\.conf$/),
    ]);
    return joinFindings([
      ...(await each(files, ["/etc/modules", ...loads], isXenModule, "a driver for Xen is not loaded any more")),
      ...(await each(files, ["/etc/modprobe.conf", ...rules], isXenRule, "a rule for Xen's drivers is gone")),
      ...(await each(files, ["/etc/sysctl.conf", ...settings], isXenSetting, "a setting of Xen's is gone")),
      await checkMounts(files),
    ]);
  },
};

/** modules(5): `xen-blkfront`, `xenfs`, `evtchn`. */
function isXenModule(line: string): boolean {
  return /^\s*(?:xen[\w-]*|netbk|blkbk|evtchn|pcifront)\b/.test(line);
}

/** modprobe.d(5): `alias eth0 xennet`, and `blacklist virtio_net` which somebody wrote for a guest of Xen's. */
function isXenRule(line: string): boolean {
  if (/^\s*alias\s+\S+\s+xen[\w-]*\s*$/.test(line)) return true;
  return /^\s*(?:blacklist\s+virtio(?:[_-](?:blk|net|pci|scsi|ring))?|install\s+virtio[\w-]*\s+\/bin\/(?:true|false))\s*$/.test(
    line,
  );
}

/** sysctl.conf(5): `xen.independent_wallclock=1`. */
function isXenSetting(line: string): boolean {
  return /^\s*-?(?:xen[./]|sys[./]xen)/.test(line);
}

async function filesIn(files: GuestFilesystem, folder: string, wanted: RegExp): Promise<readonly string[]> {
  return (await files.list(folder)).filter((name) => wanted.test(name)).map((name) => `${folder}/${name}`);
}

async function each(
  files: GuestFilesystem,
  paths: readonly string[],
  isXens: (line: string) => boolean,
  what: string,
): Promise<readonly Finding[]> {
  return Promise.all(
    paths.map(async (path) => {
      const text = await readText(files, path);
      return text === undefined ? NOTHING : commentOut(path, text, isXens, what);
    }),
  );
}

function commentOut(
  path: string,
  text: string,
  isXens: (line: string, index: number) => boolean,
  what: string,
): Finding {
  const lines = text.split("\n").map((line, index) => (isXens(line, index) ? `#${line}` : line));
  const changed = lines.join("\n");
  return changed === text ? NOTHING : { edits: [writeText(path, changed, [what])], warnings: [] };
}

async function checkMounts(files: GuestFilesystem): Promise<Finding> {
  const path = "/etc/fstab";
  const text = (await readText(files, path)) ?? "";
  const xens = new Set(parseFstab(text).flatMap(({ type, index }) => (type === "xenfs" ? [index] : [])));
  return commentOut(path, text, (_, index) => xens.has(index), "/proc/xen is not mounted any more");
}
