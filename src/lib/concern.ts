/** Something about a guest or a machine that the administrator should know before anything is done with it. */
export interface Concern {
  /** Stable, listed in docs/concerns.md and docs/cluster-concerns.md. */
  readonly code: string;
  readonly severity: "blocker" | "warning" | "info";
  readonly message: string;
  readonly remedy: string;
}

/** What a catalogue says of a concern. */
export interface ConcernInfo {
  readonly severity: Concern["severity"];
  /** What it means, for the page that lists it. */
  readonly meaning: string;
}

const RANK = { blocker: 0, warning: 1, info: 2 } as const;

/** Blockers first; otherwise the order of the checks. */
export function bySeverity<T extends Concern>(concerns: readonly T[]): readonly T[] {
  return concerns.toSorted((a, b) => RANK[a.severity] - RANK[b.severity]);
}

/** A catalogue of concerns as the lines of a table in Markdown. */
export function concernTable(catalogue: Readonly<Record<string, ConcernInfo>>): readonly string[] {
  return [
    "| code | severity | meaning |",
    "| --- | --- | --- |",
    ...Object.entries(catalogue).map(([code, { severity, meaning }]) => `| ${code} | ${severity} | ${meaning} |`),
  ];
}
