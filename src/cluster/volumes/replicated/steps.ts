import { drbdResource, type DrbdResource } from "../../setup/files/drbd-resource.js";
import type { DrbdVersion } from "../../setup/files/drbd-common.js";
import { ownFile, shell } from "../../setup/steps/make.js";
import type { Step } from "../../setup/steps/types.js";
import { partName, resourceTag, sizeWithMetadata, TAG } from "./plan.js";
import { RESOURCES } from "./survey.js";
import type { VolumeRequest } from "./types.js";

const CONNECT_MS = 60_000;
/** Of a new volume on which an earlier one's data may still be. */
const NOT_BLANK = "rehome.not-blank";
const BLANK_MS = 120_000;
/** Bytes a second that even a busy disk writes. */
const SLOWEST_DISK = 10e6;

/**
 * As `drbdadm up`, also where a run that was cut off has done half of that. A side with data that stands alone may have
 * been disconnected because both were written: that it is not for us to end.
 */
const CONNECT = `case "$(drbdadm dstate "$1" 2>/dev/null)" in
*UpToDate* | *Consistent* | *Outdated*)
  echo "$1 has data and stands alone: see why (drbdadm status $1, journalctl -k), then run drbdadm connect $1" >&2
  exit 1
esac
exec drbdadm adjust "$1"`;

export function resourceFile(name: string): string {
  return `${RESOURCES}/${name}.res`;
}

/** All that makes a volume, in order; what is so already is left alone, so that a run that was cut off goes on. Pure. */
export function createSteps(
  { name, sizes, pool }: VolumeRequest,
  group: string,
  version: DrbdVersion,
  resource: DrbdResource,
): readonly Step[] {
  const hosts = resource.hosts.map((host) => host.name);
  const [first = ""] = hosts;
  return [
    ...hosts.flatMap((machine) => [
      ...sizes.flatMap((size, number) => {
        const volume = logicalVolume(machine, group, name, number, size, pool);
        return pool === undefined ? [volume, blank(machine, group, name, number, size)] : [volume];
      }),
      ownFile(machine, resourceFile(name), drbdResource(version, resource), "DRBD replicates it between the hosts", {
        mode: 0o600,
        secret: true,
      }),
    ]),
    ...hosts.flatMap((machine): readonly Step[] => [
      {
        kind: "command",
        machine,
        argv: ["drbdadm", "create-md", "--force", name],
        // attached, the metadata are in use; detached, they can be read
        unless: shell(
          'drbdadm dstate "$1" 2>/dev/null | grep -Eqv "^(Unconfigured|Diskless)" || drbdadm dump-md "$1" >/dev/null 2>&1',
          name,
        ),
        why: "DRBD keeps account of what is the same on both hosts",
      },
      {
        kind: "command",
        machine,
        argv: shell(CONNECT, name),
        unless: shell('drbdadm cstate "$1" 2>/dev/null | grep -Eqv "^(Unconfigured|StandAlone)"', name),
        why: "the hosts connect to each other",
      },
    ]),
    {
      kind: "wait",
      machine: first,
      until: shell('said=$(drbdadm cstate "$1"); echo "$said"; ! echo "$said" | grep -qv "^Connected"', name),
      timeoutMs: CONNECT_MS,
      why: "the volume is connected over the backplane",
    },
    ...sizes.map((_, number): Step => ({
      kind: "command",
      machine: first,
      argv: ["drbdadm", "new-current-uuid", "--clear-bitmap", `${name}/${number}`],
      // only where both sides are new: everything else is DRBD's own business
      unless: shell('! drbdadm dstate "$1" | grep -q "^Inconsistent/Inconsistent"', `${name}/${number}`),
      why: "it is new, so there is nothing to copy to the other host",
    })),
  ];
}

function logicalVolume(
  machine: string,
  group: string,
  name: string,
  number: number,
  size: number,
  pool: string | undefined,
): Step {
  const bytes = `${sizeWithMetadata(size)}b`;
  const place = pool === undefined ? ["--size", bytes, group] : ["--thinpool", pool, "--virtualsize", bytes, group];
  return {
    kind: "command",
    machine,
    argv: [
      ...["lvcreate", "--quiet", "--yes", "--wipesignatures", "y", "--addtag", TAG, "--addtag", resourceTag(name)],
      ...(pool === undefined ? ["--addtag", NOT_BLANK] : []), // a thin volume reads as zeros from the start
      ...["--name", partName(name, number), ...place],
    ],
    unless: exists(group, partName(name, number)),
    why: "a logical volume for the guest",
  };
}

/**
 * Makes a new thick volume zeros. What an earlier volume left on its blocks is another thing on each host, and the hosts
 * are connected without a first copy: a guest, or whoever compares before writing, would believe one of them and find the
 * other after a failover. Only a volume with the tag that its making gave it is touched, and the tag goes at the end:
 * never one with data, also not when a run that was cut off goes on.
 */
function blank(machine: string, group: string, name: string, number: number, size: number): Step {
  const volume = `${group}/${partName(name, number)}`;
  const isTagged =
    'tags=$(lvs --noheadings -o lv_tags "$1" | tr -d " ") && [ -n "$tags" ] || exit 1; case ",$tags," in';
  return {
    kind: "command",
    machine,
    argv: shell(
      `${isTagged} *",$2,"*) ;; *) exit 1 ;; esac; blkdiscard --zeroout "/dev/$1" && lvchange --quiet --deltag "$2" "$1"`,
      volume,
      NOT_BLANK,
    ),
    unless: shell(`${isTagged} *",$2,"*) exit 1 ;; esac`, volume, NOT_BLANK),
    timeoutMs: BLANK_MS + (size / SLOWEST_DISK) * 1000,
    why: "zeros on it on both hosts, for what an earlier volume left",
  };
}

function exists(group: string, volume: string): readonly string[] {
  return shell('lvs "$1" >/dev/null 2>&1', `${group}/${volume}`);
}

/** All that takes a volume away; the caller has made sure that it is ours and that nobody uses it. Pure. */
export function removeSteps(
  name: string,
  group: string,
  found: ReadonlyMap<string, readonly string[]>,
): readonly Step[] {
  return [...found].flatMap(([machine, volumes]): readonly Step[] => [
    {
      kind: "command",
      machine,
      argv: ["drbdadm", "down", name],
      unless: shell(
        '[ ! -e "$2" ] || ! drbdadm cstate "$1" 2>/dev/null | grep -qv "^Unconfigured"',
        name,
        resourceFile(name),
      ),
      why: "nothing holds the volume",
    },
    ...volumes.map((volume): Step => ({
      kind: "command",
      machine,
      argv: ["lvremove", "--quiet", "--yes", `${group}/${volume}`],
      unless: shell('! lvs "$1" >/dev/null 2>&1', `${group}/${volume}`),
      why: "its space is free again",
    })),
    {
      kind: "command",
      machine,
      argv: ["rm", "-f", "--", resourceFile(name)],
      unless: shell('[ ! -e "$1" ]', resourceFile(name)),
      why: "DRBD knows it no more",
    },
  ]);
}
