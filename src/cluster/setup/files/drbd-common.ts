import { header } from "./mark.js";

/** DRBD's kernel modules that Debian's drbd-utils speak to; they read different configurations. */
export type DrbdVersion = "8.4" | "9";

/** As `modinfo -F version drbd` and /proc/drbd have it: `8.4.11`, `9.2.8`; undefined for one that is not known. */
export function drbdVersion(moduleVersion: string): DrbdVersion | undefined {
  if (moduleVersion.startsWith("8.4.")) return "8.4";
  return /^9\.\d+\./.test(moduleVersion) ? "9" : undefined;
}

const MEGABYTE = 1024 * 1024;

/**
 * drbd.d/global_common.conf (drbd.conf(5)). A host that loses the other stops writing until that one is fenced and the
 * cluster's constraint keeps it from being promoted (`resource-and-stonith` with the crm-fence-peer handlers).
 * @param backplane what the network between the hosts carries, in bytes a second
 */
export function drbdCommon(version: DrbdVersion, backplane: number): string {
  const handler = (name: string, program: string): string => `${name} "/usr/lib/drbd/${program}";`;
  // a resync leaves the guests a fifth of the line, and a third of it to the resync as long as they write
  const most = `${Math.max(1, Math.floor((backplane * 0.8) / MEGABYTE))}M`;
  const steady = `${Math.max(1, Math.floor((backplane * 0.3) / MEGABYTE))}M`;
  const resync = ["c-plan-ahead 20;", `c-max-rate ${most};`, "c-min-rate 4M;", "c-fill-target 1M;"];
  const splitBrain = [
    "after-sb-0pri discard-zero-changes;",
    "after-sb-1pri discard-secondary;",
    "after-sb-2pri disconnect;",
  ];
  const sums = ["verify-alg crc32c;", "csums-alg crc32c;"];
  const fencing = "fencing resource-and-stonith;";
  const sections: Readonly<Record<DrbdVersion, readonly string[]>> = {
    "8.4": [
      section("handlers", [
        handler("fence-peer", "crm-fence-peer.sh"),
        handler("after-resync-target", "crm-unfence-peer.sh"),
        handler("split-brain", "notify-split-brain.sh root"),
        handler("out-of-sync", "notify-out-of-sync.sh root"),
        handler("pri-on-incon-degr", "notify-pri-on-incon-degr.sh root"),
        handler("local-io-error", "notify-io-error.sh root"),
      ]),
      section("startup", ["wfc-timeout 0;", "degr-wfc-timeout 120;"]),
      section("disk", [fencing, "on-io-error detach;", `resync-rate ${steady};`, ...resync, "al-extents 6007;"]),
      section("net", [
        "protocol C;",
        ...splitBrain,
        ...sums,
        "max-buffers 8000;",
        "max-epoch-size 8000;",
        "ping-timeout 10;",
      ]),
    ],
    "9": [
      section("handlers", [
        handler("fence-peer", "crm-fence-peer.9.sh"),
        handler("unfence-peer", "crm-unfence-peer.9.sh"),
        handler("split-brain", "notify-split-brain.sh root"),
        handler("out-of-sync", "notify-out-of-sync.sh root"),
        handler("pri-on-incon-degr", "notify-pri-on-incon-degr.sh root"),
        handler("local-io-error", "notify-io-error.sh root"),
      ]),
      // the cluster decides who is promoted, and its quorum who goes on
      section("options", ["quorum off;", "auto-promote no;", "on-no-data-accessible suspend-io;"]),
      section("disk", ["on-io-error detach;", ...resync, "al-extents 6007;"]),
      section("net", [fencing, "protocol C;", ...splitBrain, "rr-conflict retry-connect;", ...sums]),
    ],
  };
  return [
    header(`what all DRBD resources have in common, for DRBD ${version}`).trimEnd(),
    "global { usage-count no; udev-always-use-vnr; }",
    "common {",
    ...sections[version],
    "}",
    "",
  ].join("\n");
}

function section(name: string, lines: readonly string[]): string {
  return [`  ${name} {`, ...lines.map((line) => `    ${line}`), "  }"].join("\n");
}
