import { PACKAGES, QDEVICE_PACKAGE } from "../../../src/cluster/setup/packages.js";
import { FakeHost } from "../../helpers/fake-host.js";

const FLAGS =
  "fpu nx ssse3 cx16 sse4_1 sse4_2 popcnt lahf_lm sse4a abm misalignsse rdtscp aes avx avx2 bmi1 bmi2 fma movbe adx sha_ni";
const NUMBER: Readonly<Record<string, number>> = { alpha: 1, beta: 2, arb: 3 };
const GIB = 1024 ** 3;

/** A bare Debian 12 that is fit to become a part of the example cluster. Rules added before these go first. */
export function fakeMachine(name: string, prepare: (host: FakeHost) => void = () => undefined): FakeHost {
  const host = new FakeHost(name);
  prepare(host);
  const number = NUMBER[name] ?? 9;
  const file = (path: string, text: string): void => {
    if (!host.files.has(path)) host.files.set(path, Buffer.from(text));
  };
  file("/etc/os-release", 'ID=debian\nVERSION_ID="12"\n');
  file("/proc/meminfo", `MemTotal:       ${(34 * GIB) / 1024} kB\n`);
  file("/proc/cpuinfo", Array.from({ length: 9 }, (_, index) => cpu(index)).join("\n"));
  return host
    .on(["uname", "-nr"], `${name} 6.1.0-13-amd64\n`)
    .on(["id", "-u"], "0\n")
    .on(
      ["date", "+%s %N"],
      () => `${Math.floor(Date.now() / 1000)} ${String((Date.now() % 1000) * 1e6).padStart(9, "0")}\n`,
    )
    .on(/^timedatectl show/, "yes\n")
    .on(/^dpkg-query --show --showformat=\$\{Package\} /, packages())
    .on(["ip", "-json", "-details", "address"], JSON.stringify(links(number)))
    .on(/^sh -c grep -H/, "/sys/class/net/eth0/speed:1000\n/sys/class/net/eth1/speed:10000\n")
    .on(/^getent ahosts/, ({ argv }) => `192.0.2.${10 + (NUMBER[argv[2] ?? ""] ?? 0)} STREAM ${argv[2] ?? ""}\n`)
    .on(/^sh -c cat \/etc\/ssh/, `ssh-ed25519 AAAA${name} root@${name}\necdsa-sha2-nistp256 BBBB${name} root@${name}\n`)
    .on(/^ping /, "")
    .on(["qemu-system-x86_64", "-machine", "help"], "pc  x (alias of pc-i440fx-7.2)\nq35  x (alias of pc-q35-7.2)\n")
    .on(["mktemp", "-d"], "/tmp/probe\n")
    .on(/^qemu-system-x86_64 -accel (kvm|tcg)/, "K")
    .on(/^rm -rf/, "")
    .on(["modinfo", "-F", "version", "drbd"], "8.4.11\n")
    .on(/^vgs .*vg_name,vg_size,vg_free$/, group("vg_guests", 4 * GIB, 4 * GIB))
    .on(["cat", "/proc/mdstat"], { exitCode: 1 })
    .on(/^python3 -c/, ({ kind }) => measured(kind))
    .on(["fence_ipmilan"], "Status: ON\n");
}

/** What a volume group is in LVM's report. */
export function group(name: string, size: number, free: number): string {
  return JSON.stringify({ report: [{ vg: [{ vg_name: name, vg_size: `${size}`, vg_free: `${free}` }] }] });
}

function cpu(index: number): string {
  return `processor\t: ${index}\nvendor_id\t: AuthenticAMD\nmodel name\t: AMD EPYC 7281\nflags\t\t: ${FLAGS}\n`;
}

function packages(): string {
  const names = new Set([...Object.values(PACKAGES).flat(), QDEVICE_PACKAGE]);
  return [...names].map((name) => `${name} ii  1.0-1\n`).join("");
}

/** eth0 in br0 on the LAN, eth1 on the backplane. */
export function links(number: number): readonly object[] {
  const address = (local: string): object[] => [{ local, prefixlen: 24, scope: "global" }];
  return [
    { ifname: "lo", addr_info: [{ local: "127.0.0.1", prefixlen: 8, scope: "host" }] },
    { ifname: "eth0", master: "br0", addr_info: [] },
    { ifname: "eth1", addr_info: address(`10.255.0.${number}`) },
    { ifname: "br0", linkinfo: { info_kind: "bridge" }, addr_info: address(`192.0.2.${10 + number}`) },
  ];
}

/** A gigabit a second, as both ends of the measurement tell. */
function measured(kind: "run" | "start"): string {
  if (kind === "run") return JSON.stringify({ idle: 0.9 });
  return `40000\n${JSON.stringify({ bytes: 250e6, seconds: 2, idle: 0.9 })}\n`;
}
