import type { Host } from "../lib/host/types.js";
import type { XmlElement } from "../lib/xml.js";
import type { Edit } from "./cib/tree.js";
import type { Membership } from "./pacemaker/membership.js";

/** What keeps a cluster's CIB: the bundled runtime of one machine, or Pacemaker on several. */
export const BACKENDS = ["bundled", "pacemaker"] as const;
export type Backend = (typeof BACKENDS)[number];

/** Who does what a CIB says, now. */
export type Keeper =
  | {
      readonly kind: "runtime";
      readonly node: string;
      readonly pid: number;
      /** Whether its end stops the resources too. */
      readonly stopsResources?: boolean;
    }
  | {
      readonly kind: "pacemaker";
      /** The member that was asked. */
      readonly node: string;
      /** The member that decides (DC); missing while they elect one. */
      readonly coordinator?: string;
      readonly quorum: boolean;
      /** Members that were tried before it and did not answer, each with the reason. */
      readonly unreached: readonly string[];
    };

/**
 * A cluster that an administrator gives orders to: one CIB, and somebody who acts on it. All verbs are edits of the CIB;
 * what differs between a bundled runtime and Pacemaker is here.
 */
export interface Cluster {
  readonly backend: Backend;
  /** How messages name it: the path of the CIB, or the hosts. */
  readonly name: string;
  /** How often it may be asked while something is waited for, in ms. */
  readonly pollMs: number;
  /** @throws RehomeError cib-missing, cib-invalid, cib-unsupported, xml-malformed, cluster-unreachable */
  read(): Promise<XmlElement>;
  /**
   * Changes the configuration as it is now. An edit that returns its argument changes nothing; it may be called again
   * when somebody else changed the CIB meanwhile. Operation history is not changed by this: see `cleanUp`. A part of a
   * cluster without quorum is not changed: what is set there may undo what the others decided meanwhile.
   * @param seen the CIB as it was read a moment ago: with it Pacemaker need not be asked again first
   * @returns the CIB afterwards, and whether it was changed
   * @throws RehomeError as `read`, and locked, file-unwritable, command-failed, no-quorum
   */
  update(edit: Edit, seen?: XmlElement): Promise<Updated>;
  /** Makes an empty CIB where there is none yet. A cluster of Pacemaker always has one. */
  ensureCib(): Promise<void>;
  /**
   * Forgets what went wrong with a resource (with all of them, without an id), on one node or all.
   * @throws RehomeError resource-unknown, node-unknown, and as `update`
   */
  cleanUp(resource?: string, node?: string): Promise<Updated>;
  /** Undefined when nobody keeps it. @throws RehomeError runtime-unreachable */
  keeper(): Promise<Keeper | undefined>;
  /** @throws RehomeError runtime-not-running, no-quorum: nobody would act on a change, with what to do about it */
  requireKeeper(): Promise<void>;
  /** The CIB of a cluster that somebody keeps. @throws RehomeError as `requireKeeper` and `read` */
  keptCib(): Promise<XmlElement>;
  /** What holds a cluster of several machines together; undefined for one machine. */
  membership(): Promise<Membership | undefined>;
  /** Where Pacemaker's own checks run, and how crm_verify is told which CIB: `-x FILE` or `-L`. */
  verification(): Promise<{ readonly host: Host; readonly argv: readonly string[] }>;
  close(): Promise<void>;
}

export interface Updated {
  readonly cib: XmlElement;
  readonly changed: boolean;
}
