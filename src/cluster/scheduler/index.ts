import type { XmlElement } from "../../lib/xml.js";
import type { Transition } from "./types.js";

/**
 * Decides what a cluster should do now, as Pacemaker 2.1 decides it. Pure: reads nothing but its arguments.
 * @param cib the root element of a CIB, with its status section
 * @param now ms since the epoch
 */
export function schedule(cib: XmlElement, now: number): Transition {
  throw new Error(`not yet: ${cib.name} at ${now}`);
}
