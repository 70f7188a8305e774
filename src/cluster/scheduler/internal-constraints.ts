import { ensureAction } from "./action-table.js";
import { addColocation } from "./colocation-constraints.js";
import { numberOf } from "./instance-order.js";
import { isClone, rank, topOf, type ClusterState, type Resource } from "./model.js";
import { INFINITY } from "./score.js";
import { Act, addOrdering, operationKey, Ord, orderTasks, set } from "./work-action.js";

/** Fifth stage: what follows from the nature of resources, such as that a restart stops before it starts. */
export function addInternalConstraints(state: ClusterState, resource: Resource): void {
  if (resource.variant === "primitive") addForPrimitive(state, resource);
  else if (resource.variant === "group") addForGroup(state, resource);
  else addForClone(state, resource);
}

function addForPrimitive(state: ClusterState, resource: Resource): void {
  if (!resource.managed) return;
  orderTasks(state, resource, "stop", resource, "start", Ord.optional | Ord.impliesThen | Ord.restart);
  if (topOf(resource).promotable || rank(resource.role) > rank("Unpromoted")) {
    orderTasks(state, resource, "demote", resource, "stop", Ord.promotedImpliesFirst);
    orderTasks(state, resource, "start", resource, "promote", Ord.runnableLeft);
  }
  orderTasks(state, resource, "delete", resource, "monitor", Ord.sameNode | Ord.thenCancelsFirst);
  if (state.options.placement !== "default" && resource.utilization.size > 0) addForUtilization(state, resource);
}

/** Room on a node is made before it is used. */
function addForUtilization(state: ClusterState, resource: Resource): void {
  const gate = (node: Resource["runningOn"][number]): ReturnType<typeof ensureAction> => {
    const name = `load_stopped_${node.name}`;
    const action = ensureAction(state, { key: name, task: name, node, optional: true });
    set(action, Act.pseudo);
    return action;
  };
  for (const node of resource.runningOn) {
    addOrdering(state, { resource, key: operationKey(resource.id, "stop", 0) }, { action: gate(node) }, Ord.load);
  }
  for (const { node } of resource.allowed.values()) {
    for (const task of ["start", "migrate_to"]) {
      addOrdering(state, { action: gate(node) }, { resource, key: operationKey(resource.id, task, 0) }, Ord.load);
    }
  }
}

function addForGroup(state: ClusterState, group: Resource): void {
  orderTasks(state, group, "stop", group, "stopped", Ord.runnableLeft);
  orderTasks(state, group, "stopped", group, "start", Ord.optional);
  orderTasks(state, group, "start", group, "running", Ord.runnableLeft);
  const { promotable } = topOf(group);
  if (promotable) {
    orderTasks(state, group, "demote", group, "demoted", Ord.runnableLeft);
    orderTasks(state, group, "demoted", group, "promote", Ord.optional);
    orderTasks(state, group, "promote", group, "promoted", Ord.runnableLeft);
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
  const down = Ord.impliesFirstPrinted | (leads ? Ord.optional : 0);
  const downed = leads ? Ord.impliesThen : Ord.impliesThenPrinted;
  const upped = Ord.runnableLeft | Ord.impliesThen | Ord.impliesThenPrinted;
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
    orderTasks(state, group, upTask, member, upTask, Ord.impliesFirstPrinted);
    if (!group.ordered) {
      orderTasks(state, group, upTask, member, upTask, Ord.impliesThen | Ord.runnableLeft | Ord.impliesFirstPrinted);
    } else if (previous !== undefined) {
      orderTasks(state, previous, upTask, member, upTask, Ord.impliesThen | Ord.runnableLeft);
      const restart = downTask === "stop" ? Ord.restart : 0;
      orderTasks(state, member, downTask, previous, downTask, Ord.optional | restart);
    }
  }
  if (group.ordered && previous !== undefined && member.runningOn.length > 0 && previous.runningOn.length === 0) {
    orderTasks(state, member, "stop", previous, "start", Ord.impliesFirst | Ord.runnableLeft);
  }
}

function addForClone(state: ClusterState, clone: Resource): void {
  if (!isClone(clone)) return;
  orderTasks(state, clone, "stopped", clone, "start", Ord.optional);
  orderTasks(state, clone, "start", clone, "running", Ord.runnableLeft);
  orderTasks(state, clone, "stop", clone, "stopped", Ord.runnableLeft);
  if (clone.promotable) {
    orderTasks(state, clone, "demoted", clone, "stop", Ord.optional);
    orderTasks(state, clone, "running", clone, "promote", Ord.runnableLeft);
  }
  const { ordered } = clone.clone;
  if (ordered) clone.children.sort((a, b) => numberOf(a) - numberOf(b));
  clone.children.forEach((child, index) => {
    addInternalConstraints(state, child);
    orderTasks(state, clone, "start", child, "start", Ord.runnableLeft | Ord.impliesFirstPrinted);
    orderTasks(state, child, "start", clone, "running", Ord.impliesThenPrinted);
    orderTasks(state, clone, "stop", child, "stop", Ord.impliesFirstPrinted);
    orderTasks(state, child, "stop", clone, "stopped", Ord.impliesThenPrinted);
    if (!ordered) return;
    for (const later of clone.children.slice(index + 1)) {
      orderTasks(state, child, "start", later, "start", Ord.optional);
      orderTasks(state, later, "stop", child, "stop", Ord.optional);
    }
  });
  if (clone.promotable) orderPromotable(state, clone, ordered);
}

function orderPromotable(state: ClusterState, clone: Resource, ordered: boolean): void {
  orderTasks(state, clone, "stopped", clone, "start", Ord.optional);
  orderTasks(state, clone, "stopped", clone, "promote", Ord.optional);
  orderTasks(state, clone, "demoted", clone, "stop", Ord.optional);
  orderTasks(state, clone, "demoted", clone, "start", Ord.optional);
  orderTasks(state, clone, "demoted", clone, "promote", Ord.optional);
  orderTasks(state, clone, "running", clone, "promote", Ord.optional);
  let previous: Resource | undefined;
  for (const child of clone.children) {
    orderTasks(state, clone, "demote", child, "demote", Ord.impliesFirstPrinted);
    orderTasks(state, child, "demote", clone, "demoted", Ord.impliesThenPrinted);
    orderTasks(state, clone, "promote", child, "promote", Ord.impliesFirstPrinted);
    orderTasks(state, child, "promote", clone, "promoted", Ord.impliesThenPrinted);
    if (ordered && previous !== undefined) {
      orderTasks(state, previous, "promote", child, "promote", Ord.optional);
      orderTasks(state, child, "demote", previous, "demote", Ord.optional);
    }
    previous = child;
  }
}
