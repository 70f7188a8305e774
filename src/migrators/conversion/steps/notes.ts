import { readText } from "../text.js";
import type { Edit, Step } from "../types.js";

const UNITS = ["/lib/systemd/system", "/usr/lib/systemd/system"];
const UNIT = "qemu-guest-agent.service";

/** qemu-guest-agent lets the host freeze file systems and shut the guest down cleanly; it is enabled when it is there. */
export const guestAgent: Step = {
  name: "guest agent",
  async check({ files }) {
    for (const folder of UNITS) {
      const unit = await readText(files, `${folder}/${UNIT}`);
      if (unit === undefined) continue;
      const edits: Edit[] = [];
      // without WantedBy= udev starts it when the port appears, as in Debian 11 and later
      for (const wanted of /^WantedBy=(.+)$/m.exec(unit)?.[1]?.trim().split(/\s+/) ?? []) {
        if (!/^[A-Za-z0-9@_-]+\.target$/.test(wanted)) continue;
        const path = `/etc/systemd/system/${wanted}.wants/${UNIT}`;
        if ((await files.stat(path)) !== undefined) continue;
        edits.push({ kind: "link", path, target: `${folder}/${UNIT}`, what: ["the agent is started"] });
      }
      return { edits, warnings: [] };
    }
    if ((await files.stat("/etc/init.d/qemu-guest-agent")) !== undefined) return { edits: [], warnings: [] };
    return { edits: [], warnings: ["qemu-guest-agent is not installed; install it in the guest when it runs"] };
  },
};

const AGENT = [...UNITS.map((folder) => `${folder}/${UNIT}`), "/etc/init.d/qemu-guest-agent"];
const ACPID = ["/usr/sbin/acpid", "/sbin/acpid"];
const LOGIND = ["/lib/systemd/systemd-logind", "/usr/lib/systemd/systemd-logind"];
const BUS = ["/usr/bin/dbus-daemon", "/bin/dbus-daemon", "/usr/bin/dbus-broker"];

/** Under Xen the kernel itself shut the guest down when it was asked to; under KVM somebody has to heed a power button. */
export const powerButton: Step = {
  name: "power button",
  async check({ files }) {
    const has = async (paths: readonly string[]): Promise<boolean> => {
      for (const path of paths) if ((await files.stat(path)) !== undefined) return true;
      return false;
    };
    if ((await has(AGENT)) || (await has(ACPID)) || ((await has(LOGIND)) && (await has(BUS)))) {
      return { edits: [], warnings: [] };
    }
    const why = "nothing in the guest heeds the power button, so each stop takes minutes and ends as a power cut";
    return { edits: [], warnings: [`${why}: install qemu-guest-agent, acpid or dbus in the guest when it runs`] };
  },
};

/** Software for the hardware or hypervisor that the server came from. It does no harm, but serves nothing any more. */
const LEFTOVERS: readonly (readonly [path: string, name: string])[] = [
  ["/usr/bin/vmware-toolbox-cmd", "VMware's tools (open-vm-tools)"],
  ["/usr/sbin/VBoxService", "VirtualBox's guest additions"],
  ["/usr/sbin/xe-daemon", "Xen's guest utilities"],
  ["/usr/sbin/hv_kvp_daemon", "Hyper-V's daemons"],
  ["/usr/sbin/mcelog", "mcelog"],
  ["/usr/sbin/smartd", "smartd, which will find no disk to watch"],
  ["/usr/sbin/hpacucli", "HP's RAID tools"],
  ["/usr/sbin/ssacli", "HPE's RAID tools"],
  ["/opt/MegaRAID", "MegaRAID's tools"],
  ["/usr/sbin/ipmievd", "ipmievd"],
  ["/usr/sbin/cpufreqd", "cpufreqd"],
];

export const leftovers: Step = {
  name: "leftovers",
  async check({ files }) {
    const warnings: string[] = [];
    for (const [path, name] of LEFTOVERS) {
      if ((await files.stat(path)) !== undefined) warnings.push(`${name} can be removed from the guest`);
    }
    const selinux = await readText(files, "/etc/selinux/config");
    if (selinux !== undefined && /^SELINUX=(?:enforcing|permissive)/m.test(selinux)) {
      warnings.push("SELinux is on: the files changed here have no labels; run restorecon -R /etc /boot in the guest");
    }
    return { edits: [], warnings };
  },
};
