import type { Resource } from "../model.js";
import { topOf } from "../resource-tree.js";
import { parseRole, rank } from "../roles.js";

/** The `target-role` to go for; Started means nothing to what can be promoted. */
export function targetRole(resource: Resource): Resource["role"] | undefined {
  const value = resource.meta.get("target-role");
  if (value === undefined || value.toLowerCase() === "started" || value.toLowerCase() === "default") return undefined;
  const role = parseRole(value);
  if (role === undefined) return undefined;
  if (rank(role) > rank("Started")) {
    if (!topOf(resource).promotable) return undefined;
    if (role === "Promoted") return undefined;
  }
  return role;
}
