import type { CutoverContext } from "./cutover/types.js";
import type { Step, StepOutcome } from "./cutover/sequence.js";
import type { StepRecord } from "./guest-store.js";

/**
 * What a cutover does with its source. Everything may be done again with the same result, because a crash may come
 * between a deed and its record; what cannot be found out is an error, never an assumption.
 */
export interface SourceControl {
  /**
   * Makes sure, before the window, that the source can be brought to rest and back. Changes nothing.
   * @returns the id of the source's present run: another one means that it was restarted
   */
  check(context: CutoverContext): Promise<string>;
  /** Whether bringing it to rest leaves alone what reads its disks, and is not disturbed by it. */
  readonly leavesReaders: boolean;
  /**
   * In which downtime begins: the source acknowledges nothing any more, and its disks no longer change. What can be found
   * out before is, in `ready`. Both `run` and `holds` end with the proof that {@link requireAtRest} asks for.
   */
  readonly rest: Phase & Pick<Step<CutoverContext>, "ready"> & Required<Pick<Step<CutoverContext>, "holds">>;
  /** After which the source cannot run beside the guest. */
  readonly off: Phase;
  /**
   * Makes sure that the source is still at rest, as it was when that was reached.
   * @throws RehomeError cutover-stale, source-busy; connection errors
   */
  requireAtRest(context: CutoverContext): Promise<void>;
  /** Asked once more right before the guest starts. @throws RehomeError source-alive, cutover-stale */
  requireOff(context: CutoverContext): Promise<void>;
  /** Asked before anything is undone. @throws RehomeError source-not-back when undoing would leave nothing that runs */
  requireWayBack(context: CutoverContext): Promise<void>;
  /** Whether undoing can bring the source back without somebody's hands. */
  canReturn(context: CutoverContext, steps: readonly StepRecord[]): Promise<boolean>;
  /** Whether the source works now; one that refuses us does not count. */
  answers(context: CutoverContext): Promise<boolean>;
}

/** One of the cutover's steps, as a kind of source carries it out. */
export interface Phase {
  /** What `run` would do, for --dry-run. */
  describe(context: CutoverContext): readonly string[];
  run(context: CutoverContext): Promise<StepOutcome>;
  /** @returns a few words on what came out */
  undo(context: CutoverContext): Promise<string>;
}
