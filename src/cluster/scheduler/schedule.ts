import type { XmlElement } from "../../lib/xml.js";
import { readCib } from "../cib/read.js";
import { addActions } from "./actions.js";
import { addProbes } from "./actions/probes.js";
import { assignResources } from "./assignment.js";
import { applyConfigurationChanges, forgetOrphansFailures } from "./configuration-changes.js";
import { readConfiguration } from "./configuration.js";
import { readConstraints } from "./constraints.js";
import { addFencingAndShutdowns } from "./fencing-and-shutdown.js";
import { makeGraph } from "./graph.js";
import { addInternalConstraints } from "./internal-constraints.js";
import { applyNodeCriteria } from "./node-criteria.js";
import { addInstanceNotifications } from "./notifications/instance-notifications.js";
import { fenceUnreachable, orderAroundConnections } from "./ordering/connection-orders.js";
import { applyOrderings } from "./ordering.js";
import { readStatus } from "./status.js";
import { presentState, situationOf } from "./status/situation.js";
import { makeTransition } from "./transition.js";
import type { Transition } from "./types.js";

/**
 * Decides what a cluster has to do, as Pacemaker would: what to start, stop, promote, move, watch and fence, in which
 * order. Pure: the same CIB at the same time gives the same transition. Each stage is a file of its own here, and its parts
 * are in the folder of the same name.
 * @param now ms since the epoch; only whole seconds count, in which history and rules are written
 */
export function schedule(root: XmlElement, now: number): Transition {
  const state = readConfiguration(readCib(root), Math.floor(now / 1000) * 1000);
  readStatus(state);
  const present = presentState(state);
  readConstraints(state);
  applyNodeCriteria(state);
  for (const resource of state.resources) addInternalConstraints(state, resource);
  applyConfigurationChanges(state);
  forgetOrphansFailures(state);
  assignResources(state);
  addProbes(state);
  for (const resource of state.resources) addActions(state, resource);
  fenceUnreachable(state);
  addFencingAndShutdowns(state);
  orderAroundConnections(state);
  applyOrderings(state);
  addInstanceNotifications(state);
  const graph = makeGraph(state);
  const { options } = state;
  return {
    ...makeTransition(state, graph),
    present: situationOf(state, present),
    scores: state.scores,
    settings: {
      clusterDelayMs: options.clusterDelayMs,
      stonithTimeoutMs: options.fencingTimeoutMs,
      batchLimit: options.batchLimit,
      migrationLimit: options.migrationLimit,
      startFailureIsFatal: options.startFailureIsFatal,
    },
    ...(state.recheckAt !== undefined && { recheckAt: state.recheckAt }),
    unsupported: [...state.unsupported],
    warnings: [...state.warnings],
  };
}
