import assert from "node:assert/strict";
import { connect } from "node:net";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { GuestChange } from "../../../../src/cluster/replicated-guest/index.js";
import type { ReplicatedVolume } from "../../../../src/cluster/volumes/replicated/index.js";
import { isConnectionError } from "../../../../src/lib/errors.js";
import { element, writeXml } from "../../../../src/lib/xml.js";
import { eventually } from "../eventually.js";
import { HOSTS } from "./configuration.js";
import type { ClusterLab } from "./finished.js";

/** Kernel and initramfs of the node image; the guest hands out numbers, each of them on its disk before it is told. */
const GUEST_FILES = "/usr/local/lib/lab-guest";
const PORT = 7000;
const ASK_MS = 2000;
const ANSWER_MS = 5 * 60_000;

export interface TinyGuest {
  readonly name: string;
  /** On the LAN. */
  readonly address: string;
  readonly volume: ReplicatedVolume;
  /** The host that it runs on, by libvirt's own word. */
  host(): Promise<string>;
  /**
   * The next number; it is synced to the guest's disk. Undefined when it does not answer: it serves one at a time, and
   * refuses for a moment after each.
   */
  next(): Promise<number | undefined>;
  /** The next number that it gives within five minutes. */
  answer(): Promise<number>;
}

/** Block devices of the host that runs it. */
export interface GuestDisks {
  readonly parts: readonly { readonly device: string }[];
}

/** The address of a guest that has none of the lab's machines'. */
export const GUEST_ADDRESS = "192.0.2.51";

/** Makes a volume, registers the tiny guest on it with the product's commands, and waits until it answers. */
export async function addTinyGuest(cluster: ClusterLab, name: string, address = GUEST_ADDRESS): Promise<TinyGuest> {
  const volume = await cluster.rehome<ReplicatedVolume>("volume create", name, "--size", "64M");
  const domain = await writeDomain(cluster, name, address, volume);
  await cluster.rehome<GuestChange>("cluster add", name, "--domain", domain);
  const guest = tinyGuest(cluster, name, address, volume);
  await guest.answer();
  return guest;
}

function tinyGuest(cluster: ClusterLab, name: string, address: string, volume: ReplicatedVolume): TinyGuest {
  return {
    name,
    address,
    volume,
    next: () => askGuest(address),
    answer: async () => {
      let number: number | undefined;
      await eventually(ANSWER_MS, async () => {
        number = await askGuest(address);
        assert.notEqual(number, undefined, `${name} does not answer`);
      });
      return number ?? Number.NaN;
    },
    host: async () => {
      const found: string[] = [];
      for (const host of HOSTS) {
        const runs = (): Promise<boolean> => cluster.runs(host, name);
        // the first error may be that of a connection from before the host was fenced
        if (await runs().catch(runs).catch(booting)) found.push(host);
      }
      assert.equal(found.length, 1, `${name} runs on ${found.join(" and ") || "no host"}`);
      return found[0] ?? "";
    },
  };
}

/** A host that was just fenced does not answer yet, and runs nothing. */
function booting(error: unknown): false {
  if (isConnectionError(error)) return false;
  throw error;
}

/** The tiny guest's domain XML, in the lab's folder. @returns its path */
export async function writeDomain(
  cluster: ClusterLab,
  name: string,
  address: string,
  volume: GuestDisks,
): Promise<string> {
  const path = join(cluster.lab.folder, "rehome", `${name}.xml`);
  await writeFile(path, domainXml(name, address, volume));
  return path;
}

/** A guest of a kernel and an initramfs, with its volume as disk; its address is on the kernel's command line. */
function domainXml(name: string, address: string, { parts }: GuestDisks): string {
  const mac = `52:54:00:1c:00:${address.split(".").at(-1)?.padStart(2, "0").slice(-2) ?? "00"}`;
  return writeXml(
    element("domain", { type: "kvm" }, [
      element("name", {}, name),
      element("memory", { unit: "MiB" }, "96"),
      element("vcpu", {}, "1"),
      element("os", {}, [
        element("type", { arch: "x86_64", machine: "pc-i440fx-7.2" }, "hvm"),
        element("kernel", {}, `${GUEST_FILES}/vmlinuz`),
        element("initrd", {}, `${GUEST_FILES}/initrd`),
        element("cmdline", {}, `console=ttyS0 quiet address=${address}/24`),
      ]),
      element("features", {}, [element("acpi")]),
      element("devices", {}, [
        ...parts.map(({ device }, index) =>
          element("disk", { type: "block", device: "disk" }, [
            element("driver", { name: "qemu", type: "raw", cache: "none" }),
            element("source", { dev: device }),
            element("target", { dev: `vd${"abcd"[index] ?? "z"}`, bus: "virtio" }),
          ]),
        ),
        element("interface", { type: "bridge" }, [
          element("mac", { address: mac }),
          element("source", { bridge: "br0" }),
          element("model", { type: "virtio" }),
        ]),
        element("serial", { type: "pty" }, [element("log", { file: `/var/log/libvirt/qemu/${name}-console.log` })]),
      ]),
    ]),
  );
}

/** One number from the guest; undefined when nothing comes in time. */
export async function askGuest(address: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect({ host: address, port: PORT });
    const end = (): void => {
      socket.destroy();
      resolve(/^\d+\n$/.test(text) ? Number(text) : undefined);
    };
    socket.setTimeout(ASK_MS, end);
    socket.on("data", (data) => (text += data.toString("latin1")));
    socket.on("error", end);
    socket.on("close", end);
  });
}
