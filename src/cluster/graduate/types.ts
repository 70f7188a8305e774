import type { XmlElement } from "../../lib/xml.js";
import type { Edit } from "../cib/tree.js";

/** Something of the runtime's CIB that the cluster does not get. */
export interface LeftOut {
  readonly what: string;
  readonly why: string;
}

/** What of the runtime's CIB goes into the cluster's, as edits of the latter. */
export interface Merge {
  /** The outermost resources that are taken, as the runtime has them. */
  readonly resources: readonly XmlElement[];
  /** Their primitives, by id. */
  readonly primitives: readonly string[];
  /** Everything, with the resources unmanaged: Pacemaker looks for them and touches nothing. */
  readonly held: Edit;
  /** The resources as the runtime had them: Pacemaker keeps them from now on. */
  readonly free: Edit;
  readonly leftOut: readonly LeftOut[];
  /** Ids that mean something else in the cluster: nothing may be loaded. */
  readonly clashes: readonly string[];
}

/** What a primitive is on this machine, as the runtime left it. */
export interface Expected {
  readonly id: string;
  readonly role: "stopped" | "started" | "unpromoted" | "promoted";
}

/** What Pacemaker would do with the resources, decided by a scheduler. */
export interface Outlook {
  /** What may not happen: `stop web1 on alpha`. */
  readonly disruptions: readonly string[];
  /** Resources that would be started, and where. */
  readonly starts: readonly string[];
}
