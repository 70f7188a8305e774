import { RehomeError } from "../../lib/errors.js";
import { descendantsOf, element, type XmlElement } from "../../lib/xml.js";
import { findResource, RESOURCE_NAMES } from "../cib/edit.js";
import { operations, pairSet, sameElement } from "../cib/make.js";
import { editChild, editPath, named, pairValue, setPair, withoutChildren, type Edit } from "../cib/tree.js";
import { inTurn, setTargetRole } from "../control.js";
import { guestPrimitive, isGuest } from "../guest-resource.js";
import { onlyVotes, put } from "../setup/cib/base.js";
import { PING_ATTRIBUTE } from "../setup/cib/ping.js";
import { LIBVIRT } from "./hosts.js";

/** A guest on a replicated volume, as far as the CIB is concerned. */
export interface RegisteredGuest {
  readonly name: string;
  readonly volume: string;
  readonly vcpus: number;
  /** Bytes. */
  readonly memory: number;
  /** The host that it is to run on when nothing speaks for another one. */
  readonly preferred?: string | undefined;
}

/** Where hosts keep the definition: outside /etc/libvirt, from where libvirt would start guests by itself. */
export function definitionPath(name: string): string {
  return `/etc/rehome/guests/${name}.xml`;
}

/** The promotable clone of a guest's DRBD resource, and its primitive. */
export function diskIds(volume: string): { readonly clone: string; readonly primitive: string } {
  return { clone: `ms-drbd-${volume}`, primitive: `drbd-${volume}` };
}

/**
 * A guest's resources and what binds them: its volume is promoted where it runs, before it starts, preferably where more
 * gateways answer. What an administrator set besides stays.
 * @param arbitrator a full member that must not run it
 * @param targetRole of a guest that is new; one that is there keeps its own
 * @param undefinedOn a host that does not have its definition, and so must not run it until it has
 * @throws RehomeError resource-exists, volume-busy
 */
export function putGuest(
  guest: RegisteredGuest,
  arbitrator: string | undefined,
  targetRole: "Started" | "Stopped",
  undefinedOn?: string,
): Edit {
  const wanted = { name: guest.name, domainPath: definitionPath(guest.name), libvirt: LIBVIRT };
  const { vcpus, memory } = guest;
  return (cib) => {
    requireFree(cib, guest);
    return inTurn(
      putResource(diskClone(guest.volume)),
      putResource(guestPrimitive({ ...wanted, vcpus, memory }, targetRole)),
      ...constraints(guest).map((constraint) => put("constraints", constraint)),
      ...(guest.preferred === undefined ? [] : [put("constraints", preference(guest, guest.preferred))]),
      undefinedOn === undefined ? allowEverywhere(guest.name) : put("constraints", ban(guest, undefinedOn)),
      ...(arbitrator === undefined ? [] : [put("constraints", onlyVotes(arbitrator))]),
    )(cib);
  };
}

/** Asks a guest and its volume to stop on all hosts. Unchanged where they are not there. */
export function stopAll(name: string): Edit {
  return (cib) =>
    ownIds(cib, name)
      .filter((id) => findResource(cib, id) !== undefined)
      .reduce((at, id) => setTargetRole(id, "Stopped")(at), cib);
}

/** Takes a guest and its volume out, with all constraints that name them. What Pacemaker knows of them it forgets itself. */
export function dropGuest(name: string): Edit {
  return (cib) => {
    const ids = ownIds(cib, name);
    const isOurs = (child: XmlElement): boolean =>
      RESOURCE_NAMES.includes(child.name) && ids.includes(child.attributes["id"] ?? "");
    const names = (constraint: XmlElement): boolean =>
      [constraint, ...descendantsOf(constraint, "resource_ref")].some(({ attributes }) =>
        [attributes["rsc"], attributes["first"], attributes["then"], attributes["with-rsc"], attributes["id"]].some(
          (id) => id !== undefined && ids.includes(id),
        ),
      );
    return inTurn(
      (at) => editPath(at, ["configuration", "resources"], (resources) => withoutChildren(resources, isOurs)),
      (at) => editPath(at, ["configuration", "constraints"], (all) => withoutChildren(all, names)),
    )(cib);
  };
}

/** The volume of a guest that was registered by rehome; undefined when there is no such guest. */
export function volumeOf(cib: XmlElement, name: string): string | undefined {
  const colocation = descendantsOf(cib, "rsc_colocation").find(
    ({ attributes }) => attributes["id"] === `col-${name}-drbd`,
  );
  const clone = colocation?.attributes["with-rsc"];
  const primitive =
    clone === undefined ? undefined : descendantsOf(findResource(cib, clone) ?? element("clone"), "primitive")[0];
  return primitive && pairValue(primitive, "instance_attributes", "drbd_resource");
}

/** Whether the cluster has the guest as rehome registers it. */
export function isRegistered(cib: XmlElement, name: string): boolean {
  return findResource(cib, name) !== undefined && volumeOf(cib, name) !== undefined;
}

/** The guest's resources, outermost. */
export function ownIds(cib: XmlElement, name: string): readonly string[] {
  const volume = volumeOf(cib, name);
  return [name, ...(volume === undefined ? [] : [diskIds(volume).clone])];
}

/**
 * DRBD on both hosts, promoted on one of them. Without clone-max DRBD 8.4's agent refuses a third member. The priority
 * makes the host with more promoted volumes the one that is fenced last (priority-fencing-delay): a promoted instance
 * counts one more than another.
 */
function diskClone(volume: string): XmlElement {
  const { clone, primitive } = diskIds(volume);
  return element("clone", { id: clone }, [
    pairSet("meta_attributes", `${clone}-meta_attributes`, {
      promotable: "true",
      "promoted-max": "1",
      "promoted-node-max": "1",
      "clone-max": "2",
      "clone-node-max": "1",
      notify: "true",
      interleave: "true",
      priority: "1",
    }),
    element("primitive", { id: primitive, class: "ocf", provider: "linbit", type: "drbd" }, [
      pairSet("instance_attributes", `${primitive}-instance_attributes`, { drbd_resource: volume }),
      // the two monitors need different intervals: Pacemaker tells operations apart by name and interval
      operations(primitive, [
        { name: "monitor", interval: "29s", role: "Promoted", timeout: "20s" },
        { name: "monitor", interval: "31s", role: "Unpromoted", timeout: "20s" },
        { name: "start", timeout: "240s" },
        { name: "stop", timeout: "100s" },
        { name: "promote", timeout: "90s" },
        { name: "demote", timeout: "90s" },
        { name: "notify", timeout: "90s" },
      ]),
    ]),
  ]);
}

function constraints({ name, volume }: RegisteredGuest): readonly XmlElement[] {
  const { clone } = diskIds(volume);
  const ping = `loc-${name}-ping`;
  return [
    // score-attribute: where no gateway answers any host, nothing is better elsewhere, and nothing stops
    element("rsc_location", { id: ping, rsc: clone }, [
      element("rule", { id: `${ping}-rule`, role: "Promoted", "score-attribute": PING_ATTRIBUTE }, [
        element("expression", { id: `${ping}-expression`, attribute: PING_ATTRIBUTE, operation: "defined" }),
      ]),
    ]),
    element("rsc_colocation", {
      ...{ id: `col-${name}-drbd`, rsc: name, "with-rsc": clone, "with-rsc-role": "Promoted", score: "INFINITY" },
    }),
    element("rsc_order", {
      ...{ id: `ord-${name}-drbd`, first: clone, "first-action": "promote", then: name, "then-action": "start" },
      kind: "Mandatory",
    }),
  ];
}

/** Less than resource-stickiness (200): a guest that is elsewhere stays there. Less than a gateway counts (1000), too. */
const PREFERENCE = "50";

/** Where the volume is promoted when both hosts are as good: else Pacemaker takes the first, whether the guest fits or not. */
function preference({ name, volume }: RegisteredGuest, host: string): XmlElement {
  return promotionRule(`loc-${name}-preferred`, volume, host, PREFERENCE);
}

function promotionRule(id: string, volume: string, host: string, score: string): XmlElement {
  return element("rsc_location", { id, rsc: diskIds(volume).clone }, [
    element("rule", { id: `${id}-rule`, role: "Promoted", score }, [
      element("expression", { id: `${id}-expression`, attribute: "#uname", operation: "eq", value: host }),
    ]),
  ]);
}

function banId(name: string): string {
  return `loc-${name}-undefined`;
}

/** Of the volume's promotion: the guest follows it, and must not go where it cannot be started. */
function ban({ name, volume }: RegisteredGuest, host: string): XmlElement {
  return promotionRule(banId(name), volume, host, "-INFINITY");
}

function allowEverywhere(name: string): Edit {
  return (cib) =>
    editPath(cib, ["configuration", "constraints"], (all) => withoutChildren(all, named("rsc_location", banId(name))));
}

/** The host that a guest must not run on because its definition was never put there; undefined for most. */
export function undefinedOn(cib: XmlElement, name: string): string | undefined {
  const found = descendantsOf(cib, "rsc_location").find(({ attributes }) => attributes["id"] === banId(name));
  return found && descendantsOf(found, "expression")[0]?.attributes["value"];
}

/** Nobody else's resource has one of the ids, and nobody else's guest the volume. */
function requireFree(cib: XmlElement, { name, volume }: RegisteredGuest): void {
  const registered = volumeOf(cib, name);
  const there = findResource(cib, name);
  if (registered !== undefined && registered !== volume) {
    throw new RehomeError("resource-exists", `guest "${name}" is on the volume ${registered}`, {
      remedy: `take it out first (rehome cluster remove ${name}), or give this one another name`,
    });
  }
  if (there !== undefined && (registered === undefined || !isGuest(there))) {
    throw new RehomeError("resource-exists", `the cluster has another resource "${name}", which rehome did not make`, {
      remedy: "give the guest another name",
    });
  }
  const { clone, primitive } = diskIds(volume);
  const user = descendantsOf(cib, "primitive").find(
    (each) => pairValue(each, "instance_attributes", "drbd_resource") === volume,
  );
  const owner = descendantsOf(cib, "rsc_colocation").find(
    ({ attributes }) => attributes["with-rsc"] === clone && attributes["rsc"] !== name,
  );
  if (owner !== undefined) {
    throw new RehomeError("volume-busy", `volume ${volume} is that of "${owner.attributes["rsc"] ?? ""}"`, {
      remedy: `make one for this guest: rehome volume create ${name} --size SIZE`,
    });
  }
  const foreign = [clone, primitive].find((id) => registered === undefined && findResource(cib, id) !== undefined);
  if (foreign !== undefined || (user !== undefined && user.attributes["id"] !== primitive)) {
    const id = foreign ?? user?.attributes["id"] ?? "";
    throw new RehomeError("resource-exists", `the cluster has a resource "${id}" that rehome did not make`, {
      remedy: "see what it is for (rehome cluster status); take it out when it is not needed",
    });
  }
}

/** Adds a resource; of one that is there it sets again what rehome sets, and leaves the rest, such as its target role. */
function putResource(wanted: XmlElement): Edit {
  return (cib) =>
    editPath(cib, ["configuration", "resources"], (resources) =>
      editChild(
        resources,
        named(wanted.name, wanted.attributes["id"]),
        (found) => bringUpToDate(found, wanted),
        () => wanted,
      ),
    );
}

function bringUpToDate(found: XmlElement, wanted: XmlElement): XmlElement {
  return wanted.children.reduce<XmlElement>((at, child) => {
    const { name, attributes } = child;
    if (name === "operations" || name === "primitive") {
      const edit: Edit =
        name === "primitive"
          ? (before) => bringUpToDate(before, child)
          : (before) => (sameElement(before, child) ? before : child);
      return editChild(at, named(name), edit, () => child);
    }
    return child.children.reduce((each, { attributes: pair }) => {
      const key = pair["name"] ?? "";
      const isKept = key === "target-role";
      return isKept ? each : setPair(each, { kind: name, id: attributes["id"] ?? "" }, key, pair["value"]);
    }, at);
  }, found);
}
