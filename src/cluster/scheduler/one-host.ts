import { childOf, type XmlElement } from "../../lib/xml.js";
import { schedule } from "./schedule.js";
import type { Transition } from "./types.js";

/**
 * The scheduler within the bounds in which it is proven to decide as Pacemaker does: one node, primitives, no
 * constraints. Whatever else a CIB uses is named as unsupported, and nothing is done, because a wrong decision would be
 * carried out. To be dropped when the conformance suite passes (npm run conformance).
 */
export function scheduleOneHost(cib: XmlElement, now: number): Transition {
  const transition = schedule(cib, now);
  const unsupported = [...new Set([...transition.unsupported, ...beyondOneHost(cib)])];
  return unsupported.length === 0 ? transition : { ...transition, actions: [], orders: [], unsupported };
}

function beyondOneHost(cib: XmlElement): readonly string[] {
  const configuration = childOf(cib, "configuration");
  const section = (name: string): readonly XmlElement[] =>
    (configuration && childOf(configuration, name))?.children ?? [];
  return [
    ...(section("nodes").length === 1 ? [] : ["more than one node"]),
    ...(section("constraints").length > 0 ? ["constraints"] : []),
    ...section("resources").flatMap(({ name }) => (name === "primitive" ? [] : [`${name}s`])),
  ];
}
