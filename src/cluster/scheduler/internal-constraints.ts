import { ensureAction } from "./actions/action-table.js";
import { addColocation } from "./constraints/colocation.js";
import { addContainerConstraints } from "./configuration/containers.js";
import { numberOf } from "./assignment/instance-order.js";
import { canBeOnRemote } from "./configuration/remote-nodes.js";
import type { ClusterState, Resource } from "./model.js";
import { isClone, topOf } from "./resource-tree.js";
import { rank } from "./roles.js";
import { addNodeScore } from "./node-criteria/node-scores.js";
import { INFINITY } from "./score.js";
import { orderAroundAdmission } from "./fencing-and-shutdown/unfencing.js";
import { Act, addOrdering, operationKey, Ord, orderTasks, set } from "./actions/work-action.js";

/** Fifth stage: what follows from the nature of resources, such as that a restart stops before it starts. */
export function addInternalConstraints(state: ClusterState, resource: Resource): void {
  if (resource.variant === "primitive") addForPrimitive(state, resource);
  else if (resource.variant === "group") addForGroup(state, resource);
  else addForClone(state, resource);
}

function addForPrimitive(state: ClusterState, resource: Resource): void {
  keepOffRemoteNodes(state, resource);
  if (!resource.managed) return;
  orderTasks(state, resource, "stop", resource, "start", Ord.optional | Ord.firstNeedsThen | Ord.inRestart);
  if (topOf(resource).promotable || rank(resource.role) > rank("Unpromoted")) {
    orderTasks(state, resource, "demote", resource, "stop", Ord.promotedThenNeedsFirst);
    orderTasks(state, resource, "demote", resource, "promote", Ord.optional);
    orderTasks(state, resource, "start", resource, "promote", Ord.blocksThen);
  }
  orderTasks(state, resource, "delete", resource, "monitor", Ord.onSameNode | Ord.thenDropsFirst);
  orderAroundAdmission(state, resource);
  addContainerConstraints(state, resource);
  if (state.options.placement !== "default" && resource.utilization.size > 0) addForUtilization(state, resource);
}

function keepOffRemoteNodes(state: ClusterState, resource: Resource): void {
  if (!state.haveRemoteNodes || canBeOnRemote(resource)) return;
  for (const node of state.nodes) if (node.type === "remote") addNodeScore(resource, node, -INFINITY);
}

/** Room on a node is made before it is used. */
function addForUtilization(state: ClusterState, resource: Resource): void {
  const gate = (node: Resource["runningOn"][number]): ReturnType<typeof ensureAction> => {
    const name = `load_stopped_${node.name}`;
    const action = ensureAction(state, { key: name, task: name, node, optional: false });
    set(action, Act.pseudo);
    return action;
  };
  for (const node of resource.runningOn) {
    addOrdering(state, { resource, key: operationKey(resource.id, "stop", 0) }, { action: gate(node) }, Ord.makesRoom);
  }
  for (const { node } of resource.allowed.values()) {
    for (const task of ["start", "migrate_to"]) {
      addOrdering(state, { action: gate(node) }, { resource, key: operationKey(resource.id, task, 0) }, Ord.makesRoom);
    }
  }
}

function addForGroup(state: ClusterState, group: Resource): void {
  orderTasks(state, group, "stop", group, "stopped", Ord.blocksThen);
  orderTasks(state, group, "stopped", group, "start", Ord.optional);
  orderTasks(state, group, "start", group, "running", Ord.blocksThen);
  const { promotable } = topOf(group);
  if (promotable) {
    orderTasks(state, group, "demote", group, "promote", Ord.optional);
  }
  let previous: Resource | undefined;
  let lastActive: Resource | undefined;
  for (const member of group.children) {
    addInternalConstraints(state, member);
    orderMember(state, group, member, previous, promotable);
    if (member.runningOn.length > 0) {
      const gap = previous !== undefined && previous.runningOn.length === 0;
      if (group.ordered && gap && lastActive !== undefined) {
        orderTasks(state, member, "stop", lastActive, "stop", Ord.optional);
      }
      lastActive = member;
    }
    previous = member;
  }
}

function orderMember(
  state: ClusterState,
  group: Resource,
  member: Resource,
  previous: Resource | undefined,
  promotable: boolean,
): void {
  const leads = previous === undefined && group.ordered;
  const down = Ord.thenShowsFirst | (leads ? Ord.optional : 0);
  const downed = leads ? Ord.firstNeedsThen : Ord.firstShowsThen;
  const upped = Ord.blocksThen | Ord.firstNeedsThen | Ord.firstShowsThen;
  if (previous !== undefined && group.collocated) {
    const influence = String(member.critical);
    const between = { id: "#group-members", dependent: member, primary: previous };
    addColocation(state, { ...between, score: INFINITY, influence, dependentRole: undefined, primaryRole: undefined });
  }
  const pairs: readonly [string, string, string, string][] = promotable
    ? [
        ["stop", "stopped", "start", "running"],
        ["demote", "demoted", "promote", "promoted"],
      ]
    : [["stop", "stopped", "start", "running"]];
  for (const [downTask, downDone, upTask, upDone] of pairs) {
    orderTasks(state, group, downTask, member, downTask, down);
    orderTasks(state, member, downTask, group, downDone, downed);
    orderTasks(state, member, upTask, group, upDone, upped);
    orderTasks(state, group, upTask, member, upTask, Ord.thenShowsFirst);
    if (!group.ordered) {
      orderTasks(state, group, upTask, member, upTask, Ord.firstNeedsThen | Ord.blocksThen | Ord.thenShowsFirst);
    } else if (previous !== undefined) {
      orderTasks(state, previous, upTask, member, upTask, Ord.firstNeedsThen | Ord.blocksThen);
      const restart = downTask === "stop" ? Ord.inRestart : 0;
      orderTasks(state, member, downTask, previous, downTask, Ord.optional | restart);
    }
  }
  if (group.ordered && previous !== undefined && member.runningOn.length > 0 && previous.runningOn.length === 0) {
    orderTasks(state, member, "stop", previous, "start", Ord.thenNeedsFirst | Ord.blocksThen);
  }
}

function addForClone(state: ClusterState, clone: Resource): void {
  if (!isClone(clone)) return;
  orderTasks(state, clone, "stopped", clone, "start", Ord.optional);
  orderTasks(state, clone, "start", clone, "running", Ord.blocksThen);
  orderTasks(state, clone, "stop", clone, "stopped", Ord.blocksThen);
  if (clone.promotable) {
    orderTasks(state, clone, "demoted", clone, "stop", Ord.optional);
    orderTasks(state, clone, "running", clone, "promote", Ord.blocksThen);
  }
  const { ordered } = clone.clone;
  if (ordered) clone.children.sort((a, b) => numberOf(a) - numberOf(b));
  clone.children.forEach((child, index) => {
    addInternalConstraints(state, child);
    orderTasks(state, clone, "start", child, "start", Ord.blocksThen | Ord.thenShowsFirst);
    orderTasks(state, child, "start", clone, "running", Ord.firstShowsThen);
    orderTasks(state, clone, "stop", child, "stop", Ord.thenShowsFirst);
    orderTasks(state, child, "stop", clone, "stopped", Ord.firstShowsThen);
    if (!ordered) return;
    const next = clone.children[index + 1];
    if (next === undefined) return;
    orderTasks(state, child, "start", next, "start", Ord.optional);
    orderTasks(state, next, "stop", child, "stop", Ord.optional);
  });
  if (clone.promotable) orderPromotable(state, clone, ordered);
}

function orderPromotable(state: ClusterState, clone: Resource, ordered: boolean): void {
  orderTasks(state, clone, "stopped", clone, "start", Ord.optional);
  orderTasks(state, clone, "stopped", clone, "promote", Ord.optional);
  orderTasks(state, clone, "demoted", clone, "stop", Ord.optional);
  orderTasks(state, clone, "demote", clone, "demoted", Ord.blocksThen);
  orderTasks(state, clone, "demoted", clone, "start", Ord.optional);
  orderTasks(state, clone, "demoted", clone, "promote", Ord.optional);
  orderTasks(state, clone, "running", clone, "promote", Ord.optional);
  let previous: Resource | undefined;
  for (const child of clone.children) {
    orderTasks(state, clone, "demote", child, "demote", Ord.thenShowsFirst);
    orderTasks(state, child, "demote", clone, "demoted", Ord.firstShowsThen);
    orderTasks(state, clone, "promote", child, "promote", Ord.thenShowsFirst);
    orderTasks(state, child, "promote", clone, "promoted", Ord.firstShowsThen);
    if (ordered && previous !== undefined) {
      orderTasks(state, previous, "promote", child, "promote", Ord.optional);
      orderTasks(state, child, "demote", previous, "demote", Ord.optional);
    }
    previous = child;
  }
}
