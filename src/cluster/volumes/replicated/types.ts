/**
 * A guest's replicated volumes: logical volumes on both hosts, and one DRBD resource over them. Sizes are bytes. A new one
 * was made zeros on both hosts, but that is not proven to whoever opens it: it is never taken for zeros unread.
 */
export interface ReplicatedVolume {
  /** The DRBD resource's name, and the beginning of the logical volumes': NAME-0, NAME-1. */
  readonly name: string;
  readonly port: number;
  readonly parts: readonly VolumePart[];
  /** By host. */
  readonly states: Readonly<Record<string, VolumeState>>;
}

export interface VolumePart {
  readonly minor: number;
  /** /dev/GROUP/NAME-0, the same on every host. */
  readonly disk: string;
  /** What a guest is given: /dev/drbdMINOR. */
  readonly device: string;
  readonly size: number;
}

/** What DRBD says of a resource on one host. */
export interface VolumeState {
  /** `Connected`, `Connecting`, `StandAlone` …; undefined when it is not up there. */
  readonly connection: string | undefined;
  readonly role: string | undefined;
  /** `Unknown` while the hosts are not connected. */
  readonly peerRole: string | undefined;
  /** Of each part: `UpToDate`, `Inconsistent` … */
  readonly disks: readonly string[];
  readonly peerDisks: readonly string[];
}

/** What is to be made. */
export interface VolumeRequest {
  readonly name: string;
  /** Of each part. */
  readonly sizes: readonly number[];
  /** A thin pool of the volume group; thick volumes without it. */
  readonly pool?: string;
}
