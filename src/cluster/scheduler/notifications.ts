import type { ClusterState, Resource } from "./model.js";

/** Clones that want to be told what happens to their instances are not understood yet: it is said, not passed over. */
export function addCloneNotifications(state: ClusterState, clone: Resource): void {
  if (clone.notify) state.unsupported.add("notifications");
}
