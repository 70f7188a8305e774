import type { Cost } from "./measure.js";

export interface Row extends Cost {
  readonly name: string;
  /** Whether the program could not copy less than all of it. */
  readonly copiesAll: boolean;
}

const MIB = 2 ** 20;

/** Prints what each contender took, and rehome's share of it. @param changed bytes, when not all was copied */
export function printTable(title: string, rows: readonly Row[], changed: number | undefined): void {
  const rehome = rows.find(({ name }) => name === "rehome");
  const head = [
    "",
    "seconds",
    "CPU s",
    "MiB on the wire",
    ...(changed === undefined ? [] : ["wire/changed"]),
    "rehome is",
  ];
  const lines = rows.map((row) => [
    row.copiesAll ? `${row.name} (copies all)` : row.name,
    row.seconds.toFixed(2),
    row.cpuSeconds.toFixed(2),
    row.wireBytes === undefined ? "?" : (row.wireBytes / MIB).toFixed(1),
    ...(changed === undefined ? [] : [row.wireBytes === undefined ? "?" : (row.wireBytes / changed).toFixed(2)]),
    row === rehome || rehome === undefined ? "" : `${(rehome.seconds / row.seconds).toFixed(2)} × its time`,
  ]);
  const widths = head.map((_, column) => Math.max(...[head, ...lines].map((line) => line[column]?.length ?? 0)));
  const show = (line: readonly string[]): string =>
    line
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("  ");
  console.log(["", title, ...[head, ...lines].map(show)].join("\n"));
}
