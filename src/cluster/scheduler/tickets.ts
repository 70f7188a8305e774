import type { XmlElement } from "../../lib/xml.js";
import { expandName, readSets } from "./constraints.js";
import { parseRole, type ClusterState, type Resource, type Ticket, type TicketConstraint } from "./model.js";

const LOSS_POLICIES = ["stop", "demote", "freeze", "fence"] as const;

/** Reads a `rsc_ticket`: the resource (in that role) may only run where the ticket is granted. */
export function readTicketConstraint(state: ClusterState, xml: XmlElement): void {
  const { attributes } = xml;
  const ticketId = attributes["ticket"];
  if (ticketId === undefined) return;
  let ticket = state.tickets.get(ticketId);
  if (ticket === undefined) {
    ticket = { id: ticketId, granted: false, standby: false };
    state.tickets.set(ticketId, ticket);
  }
  const sets = readSets(state, xml);
  for (const set of sets) {
    for (const resource of set.resources) add(state, xml, resource, ticket, set.attributes["role"]);
  }
  if (sets.length > 0) return;
  for (const resource of expandName(state, attributes["rsc"]))
    add(state, xml, resource, ticket, attributes["rsc-role"]);
}

function add(
  state: ClusterState,
  xml: XmlElement,
  resource: Resource,
  ticket: Ticket,
  roleText: string | undefined,
): void {
  const role = parseRole(roleText);
  const policy = LOSS_POLICIES.find((each) => each === xml.attributes["loss-policy"]?.toLowerCase());
  const needsFencing = policy === "fence" && !state.options.fencing;
  const fallback = role === "Promoted" ? "demote" : "stop";
  const constraint: TicketConstraint = {
    id: xml.attributes["id"] ?? "",
    resource,
    ticket,
    role: role === "Started" ? undefined : role,
    lossPolicy: needsFencing ? "stop" : (policy ?? fallback),
  };
  resource.tickets.push(constraint);
  state.unsupported.add("tickets");
}
