import type { Role } from "./types.js";

const ROLE_RANK: Readonly<Record<Role, number>> = { Unknown: 0, Stopped: 1, Started: 2, Unpromoted: 3, Promoted: 4 };

/** Roles are ordered: Unknown < Stopped < Started < Unpromoted < Promoted. */
export function rank(role: Role): number {
  return ROLE_RANK[role];
}

const ROLE_NAMES: Readonly<Record<string, Role>> = {
  stopped: "Stopped",
  started: "Started",
  unpromoted: "Unpromoted",
  slave: "Unpromoted",
  promoted: "Promoted",
  master: "Promoted",
};

/** A role as written in a CIB, old names included. */
export function parseRole(text: string | undefined): Role | undefined {
  return text === undefined ? undefined : ROLE_NAMES[text.toLowerCase()];
}
