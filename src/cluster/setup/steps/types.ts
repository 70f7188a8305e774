import type { XmlElement } from "../../../lib/xml.js";
import type { Edit } from "../../cib/tree.js";

/** One thing that has to be so on a machine for the cluster to be there; steps are taken in their order. */
export type Step = FileStep | CommandStep | WaitStep | CibStep;

interface StepBase {
  readonly machine: string;
  /** What it is good for, a clause in lower case. */
  readonly why: string;
}

/** A file on a machine. */
export interface Place {
  readonly machine: string;
  readonly path: string;
}

/** A file has a certain content. */
export interface FileStep extends StepBase {
  readonly kind: "file";
  readonly path: string;
  readonly mode: number;
  /** Its content is never shown. */
  readonly secret: boolean;
  /**
   * `own`: the whole file is rehome's, and one that somebody else wrote is left alone; `shared`: others write into it
   * too; `copy`: what a program made on one machine and another needs.
   */
  readonly sharing: "own" | "shared" | "copy";
  /** Files on machines that the content is made of; until they are there it is not known. */
  readonly sources: readonly Place[];
  compose(before: Buffer | undefined, sources: readonly Buffer[]): Buffer;
}

/** A program has been run: `unless` ends with 0 when that is not needed any more. Both are argv. */
export interface CommandStep extends StepBase {
  readonly kind: "command";
  readonly argv: readonly string[];
  readonly unless: readonly string[];
  readonly timeoutMs?: number;
}

/** Something comes about by itself: `until` ends with 0. */
export interface WaitStep extends StepBase {
  readonly kind: "wait";
  readonly until: readonly string[];
  readonly timeoutMs: number;
}

/** The cluster's CIB says something. It is changed on one member once all of them are in it. */
export interface CibStep extends StepBase {
  readonly kind: "cib";
  readonly members: readonly string[];
  readonly edit: Edit;
  /**
   * The CIB, read just now, that the change was thought through on: it is made on that very one, or at least on one with
   * the same configuration. Without it the CIB is read, and changed as it is.
   */
  readonly seen?: XmlElement;
}
