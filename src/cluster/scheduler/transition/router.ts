import { currentNode } from "../assignment/availability.js";
import type { Node } from "../model.js";
import type { WorkAction } from "../actions/work-action.js";

/** What is done before a connection is handed over, through where it was. */
const LEAVING = ["stop", "demote", "cancel", "migrate_to"];

/**
 * The cluster node that passes an action on to a remote or guest node: the one that has the connection at that moment of
 * the transition. Undefined for actions on cluster nodes.
 */
export function routerOf({ node, task, meta }: WorkAction): Node | undefined {
  const connection = node?.remoteResource;
  if (connection === undefined) return undefined;
  const [before, after] = [currentNode(connection), connection.assignedTo];
  if (before === undefined || after === undefined || before === after) return after ?? before;
  const isUp = before.online && !before.unclean && connection.partialMigrationTarget === undefined;
  const isBefore = LEAVING.includes(meta.get("notify_type") === "pre" ? (meta.get("notify_operation") ?? "") : task);
  return isUp && isBefore ? before : after;
}
