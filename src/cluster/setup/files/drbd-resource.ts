import { isIPv6 } from "node:net";
import type { DrbdVersion } from "./drbd-common.js";
import { header } from "./mark.js";

/** A DRBD resource of two hosts: what a guest's replicated volumes are to DRBD. */
export interface DrbdResource {
  readonly name: string;
  /** At most 64 characters; both sides prove to each other that they know it. */
  readonly secret: string;
  /** On the backplane. */
  readonly port: number;
  readonly volumes: readonly DrbdVolume[];
  readonly hosts: readonly DrbdHost[];
}

export interface DrbdVolume {
  readonly number: number;
  /** Of its device, /dev/drbdMINOR. */
  readonly minor: number;
  /** The logical volume below it, the same on every host: /dev/GROUP/NAME. */
  readonly disk: string;
  /** A device for the metadata where the volume must keep its size; without it they take the volume's end. */
  readonly metadata?: string;
}

export interface DrbdHost {
  readonly name: string;
  /** From 0; DRBD 9 only. */
  readonly nodeId: number;
  readonly backplane: string;
}

/** drbd.d/NAME.res (drbd.conf(5)). The secret makes it a file that only root may read. */
export function drbdResource(version: DrbdVersion, { name, secret, port, volumes, hosts }: DrbdResource): string {
  const on = hosts.map(({ name: host, nodeId, backplane }) => {
    const address = isIPv6(backplane) ? `ipv6 [${backplane}]` : backplane;
    return `  on ${host} { ${version === "9" ? `node-id ${nodeId}; ` : ""}address ${address}:${port}; }`;
  });
  const mesh = `  connection-mesh { hosts ${hosts.map((host) => host.name).join(" ")}; }`;
  return [
    header("a guest's replicated volumes; rehome volume list shows them").trimEnd(),
    `resource ${name} {`,
    "  net {",
    "    cram-hmac-alg sha256;",
    `    shared-secret "${secret}";`,
    "  }",
    ...volumes.flatMap(({ number, minor, disk, metadata }) => [
      `  volume ${number} {`,
      `    device /dev/drbd${minor} minor ${minor};`,
      `    disk ${disk};`,
      `    meta-disk ${metadata ?? "internal"};`,
      "  }",
    ]),
    ...on,
    ...(version === "9" ? [mesh] : []),
    "}",
    "",
  ].join("\n");
}
