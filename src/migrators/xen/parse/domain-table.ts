/** A domain that has an id, which is one that runs, is paused, or is on its way up or down. */
export interface TableDomain {
  readonly name: string;
  readonly id: number;
}

/**
 * The domains of `xl list` or `xm list`: the columns are Name, ID, Mem, VCPUs, State and Time(s). xend lists those that it
 * keeps while they are off too, without an id; they are left out.
 * @returns undefined when it is anything but a whole list, in which dom0 itself stands
 */
export function parseDomainTable(output: string, tool: "xl" | "xm"): readonly TableDomain[] | undefined {
  const [head = "", ...lines] = output.trimEnd().split("\n");
  const found: TableDomain[] = [];
  for (const line of lines) {
    const [, name, id] = /^(\S.*?)\s+(\d+)\s+\d+\s+\d+\s+[a-z-]{6}\s+\d[\d.]*\s*$/.exec(line) ?? [];
    if (name !== undefined) found.push({ name, id: Number(id) });
    else if (tool === "xl" || !OFF.test(line)) return undefined;
  }
  const isWhole = /^Name\s+ID\s/.test(head) && found.some(({ name, id }) => name === "Domain-0" && id === 0);
  return isWhole ? found : undefined;
}

const OFF = /^\S+\s+\d+\s+\d+\s+(?:[a-z-]{6}\s+)?\d[\d.]*\s*$/;
