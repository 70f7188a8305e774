import type { XmlElement } from "../../lib/xml.js";
import type { ClusterState } from "./model.js";

/** Whether a history entry locks its resource to a node that was shut down cleanly (shutdown-lock). */
export function isLocked(state: ClusterState, history: XmlElement): boolean {
  const lock = history.attributes["shutdown-lock"];
  if (lock === undefined || !state.options.shutdownLock) return false;
  state.unsupported.add("shutdown locks");
  return true;
}
