import { header } from "./mark.js";

/**
 * lvmlocal.conf: LVM on the host never looks into guests' volumes, neither on DRBD nor on the logical volumes below
 * it. A guest's own volume group would otherwise be activated on the host, and both would write to it.
 * @param group the guests' volume group
 */
export function lvmConf(group: string): string {
  const mapperName = group.replaceAll("-", "--");
  const rejected = ["^/dev/drbd", `^/dev/${escape(group)}/`, `^/dev/mapper/${escape(mapperName)}-`];
  return [
    header("lvmlocal.conf, which goes before lvm.conf").trimEnd(),
    "devices {",
    `  global_filter = [ ${rejected.map((pattern) => `"r|${pattern}|"`).join(", ")} ]`,
    "  scan_lvs = 0",
    "}",
    "",
  ].join("\n");
}

/** LVM's names have two characters that its expressions read otherwise; a backslash is doubled in its strings. */
function escape(name: string): string {
  return name.replace(/[.+]/g, "[$&]");
}
