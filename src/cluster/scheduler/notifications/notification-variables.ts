import { isInGraph } from "../graph.js";
import type { ClusterState, Node, Resource } from "../model.js";
import { compareNames } from "../names.js";
import type { Role } from "../types.js";
import type { WorkAction } from "../actions/work-action.js";

/** An instance, and the node where it is or where something will be done with it. */
interface Mention {
  readonly instance: Resource;
  readonly node: Node | undefined;
}

/**
 * What agents are told of their clone, as resource agents expect it: for each group of instances their names and, in
 * the same order, those of their nodes, separated by spaces; a single space for none. Roles are those before the
 * transition, operations those it will carry out; when it is about fencing, of stops only the `fenced` one. See "Clone Notifications" in Pacemaker Administration.
 */
export function notificationVariables(
  state: ClusterState,
  instances: readonly Resource[],
  fenced?: WorkAction,
): ReadonlyMap<string, string> {
  const variables = new Map<string, string>();
  const put = (name: string, mentions: readonly Mention[]): void => {
    const sorted = [...mentions].sort((a, b) => compareNames(a.instance.id, b.instance.id));
    variables.set(`notify_${name}_resource`, join(sorted.map(({ instance }) => instance.id)));
    if (name === "inactive") return;
    variables.set(`notify_${name}_uname`, join(sorted.map(({ node }) => node?.name ?? "")));
  };
  const inRole = (roles: readonly Role[]): readonly Mention[] =>
    instances
      .filter(({ role }) => roles.includes(role))
      .flatMap((instance) => instance.runningOn.map((node) => ({ instance, node })));
  put("active", inRole(["Started", "Unpromoted", "Promoted"]));
  for (const name of ["promoted", "master"]) put(name, inRole(["Promoted"]));
  for (const name of ["unpromoted", "slave"]) put(name, inRole(["Unpromoted"]));
  const inactive = instances.filter(({ role }) => role === "Stopped");
  put(
    "inactive",
    inactive.map((instance) => ({ instance, node: undefined })),
  );
  for (const task of ["start", "stop", "promote", "demote"]) {
    const found = instances.flatMap((instance) =>
      instance.actions
        .filter((action) => action.task === task && isInGraph(action))
        .filter((action) => fenced === undefined || task !== "stop" || action === fenced)
        .map(({ node }) => ({ instance, node })),
    );
    put(task, found);
  }
  const allowed = instances[0]?.allowed ?? new Map<Node, unknown>();
  variables.set("notify_available_uname", join(names([...allowed.keys()])));
  variables.set("notify_all_uname", join(names(state.nodes)));
  return variables;
}

export function inform(actions: readonly WorkAction[], variables: ReadonlyMap<string, string>): void {
  for (const { meta } of actions) for (const [name, value] of variables) meta.set(name, value);
}

function names(nodes: readonly Node[]): readonly string[] {
  return nodes.map(({ name }) => name).sort(compareNames);
}

function join(words: readonly string[]): string {
  return words.length === 0 ? " " : words.join(" ");
}
