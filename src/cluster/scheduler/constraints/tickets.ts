import type { XmlElement } from "../../../lib/xml.js";
import { expandName, readSets } from "../constraints.js";
import { fenceNode } from "../fencing-and-shutdown/fencing.js";
import type { ClusterState, Resource, Ticket, TicketConstraint } from "../model.js";
import { parseRole } from "../roles.js";
import { addNodeScore } from "../node-criteria/node-scores.js";
import { INFINITY } from "../score.js";

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
  if (!isHeld(ticket)) withhold(state, resource, constraint);
}

function isHeld({ granted, standby }: Ticket): boolean {
  return granted && !standby;
}

/** Whether no missing ticket keeps a clone's instances from being promoted. */
export function mayPromote({ tickets }: Resource): boolean {
  return tickets.every(({ role, ticket }) => role !== "Promoted" || isHeld(ticket));
}

/** What becomes of a resource without its ticket: a lost one is a reason to act, a missing one not to start. */
function withhold(state: ClusterState, resource: Resource, constraint: TicketConstraint): void {
  for (const child of resource.children) withhold(state, child, constraint);
  if (resource.children.length > 0) return;
  const { ticket, role, lossPolicy } = constraint;
  if (ticket.granted || resource.runningOn.length === 0) {
    // For the promoted role alone it is enough not to be promoted.
    if (role !== "Promoted" || lossPolicy === "stop") ban(state, resource);
    return;
  }
  const concerned = role === undefined || role === resource.role;
  switch (lossPolicy) {
    case "stop": {
      ban(state, resource);
      return;
    }
    case "demote":
      if (role !== "Promoted") ban(state, resource);
      return;
    case "fence":
      if (!concerned) return;
      ban(state, resource);
      for (const node of resource.runningOn) fenceNode(state, node, `the ticket ${ticket.id} was lost`, false);
      return;
    case "freeze":
      if (!concerned) return;
      resource.managed = false;
      resource.blocked = true;
  }
}

function ban(state: ClusterState, resource: Resource): void {
  for (const node of state.nodes) addNodeScore(resource, node, -INFINITY);
}
