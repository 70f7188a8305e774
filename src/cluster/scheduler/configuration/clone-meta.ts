import type { Resource } from "../model.js";
import { topOf } from "../resource-tree.js";

/**
 * What an agent is told of the clone its resource is an instance of, as Pacemaker tells it: agents of promotable clones
 * refuse to work when they cannot check it. Empty for what is no instance.
 */
export function cloneMeta(resource: Resource): Readonly<Record<string, string>> {
  const top = topOf(resource);
  const { clone } = top;
  if (clone === undefined || resource.variant !== "primitive") return {};
  const number = /:(\d+)$/.exec(instanceOf(resource).id)?.[1];
  return {
    ...(number !== undefined && { clone: number }),
    clone_max: `${clone.max}`,
    clone_node_max: `${clone.nodeMax}`,
    globally_unique: `${top.unique}`,
    notify: `${top.notify}`,
    ...(top.promotable && {
      promoted_max: `${clone.promotedMax}`,
      promoted_node_max: `${clone.promotedNodeMax}`,
      // Names from before Pacemaker 2.1, which agents still look at.
      master_max: `${clone.promotedMax}`,
      master_node_max: `${clone.promotedNodeMax}`,
    }),
  };
}

/** The child of the clone that a primitive is, or is a member of. */
function instanceOf(resource: Resource): Resource {
  let at = resource;
  while (at.parent?.parent !== undefined) at = at.parent;
  return at;
}
