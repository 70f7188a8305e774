import { migratorOf } from "../registry.js";
import type { SourceControl } from "../source-control.js";
import type { CutoverContext } from "./types.js";

/** What brings this kind of source to rest and back. */
export function controlOf({ session }: Pick<CutoverContext, "session">): SourceControl {
  return migratorOf(session.sourceConfig.kind).control;
}
