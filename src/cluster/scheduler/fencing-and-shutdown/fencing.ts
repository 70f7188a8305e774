import { beginRemoteFencing } from "./remote-fencing.js";
import { ensureAction } from "../actions/action-table.js";
import type { ClusterState, Node } from "../model.js";
import { Act, clear, type WorkAction } from "../actions/work-action.js";

/** Whether fencing of that node would be carried out. */
export function canFence(state: ClusterState, node: Node | undefined): boolean {
  if (!state.options.fencing || !state.haveFenceDevice) return false;
  if (state.haveQuorum || state.options.quorumPolicy === "ignore") return true;
  return node?.online ?? false;
}

/** Marks a node as in an unknown state: it has to be fenced before anything that ran there is run elsewhere. */
export function fenceNode(state: ClusterState, node: Node, reason: string, delayByPriority: boolean): void {
  if (node.type === "remote" && !beginRemoteFencing(state, node, reason)) return;
  if (node.unclean) return;
  state.warnings.add(`node ${node.name} ${canFence(state, node) ? "will be fenced" : "is unclean"}: ${reason}`);
  node.unclean = true;
  fenceAction(state, node, undefined, true, reason, delayByPriority);
}

/** The action that fences a node, made if there is none. */
export function fenceAction(
  state: ClusterState,
  node: Node,
  operation: string | undefined,
  optional: boolean,
  reason: string | undefined,
  delayByPriority: boolean,
): WorkAction {
  const how = operation ?? state.options.fenceAction;
  const key = `stonith-${node.name}-${how}`;
  const known = state.actionsByKey.get(key)?.[0];
  const action = known ?? ensureAction(state, { key, task: "stonith", node, optional: true });
  if (known === undefined) action.meta.set("stonith_action", how);
  const delay = state.options.priorityFencingDelayMs;
  if (delay > 0 && delayByPriority && !action.meta.has("priority-fencing-delay")) {
    action.meta.set("priority-fencing-delay", String(priorityDelay(state, node)));
  }
  if (!optional && canFence(state, node)) clear(action, Act.optional);
  if (reason !== undefined) action.reason ??= reason;
  return action;
}

/** Waits before a node of the highest priority is fenced, so that in a tie it is the one that fences. In ms. */
function priorityDelay(state: ClusterState, node: Node): number {
  const members = state.nodes.filter((each) => each.type === "cluster");
  const online = members.filter((each) => each.online).length;
  if (online > members.length / 2) return 0;
  const top = Math.max(...members.map((each) => each.priority));
  const low = Math.min(...members.map((each) => each.priority));
  return node.priority === top && top !== low ? state.options.priorityFencingDelayMs : 0;
}
