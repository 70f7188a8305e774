import { RehomeError } from "../../lib/errors.js";
import type { Host } from "../../lib/host/types.js";
import { writeXml, type XmlElement } from "../../lib/xml.js";
import { editChild, named, withoutChildren, type Edit } from "../cib/tree.js";
import { foresee } from "../foresee.js";
import { hasChanged, type Change } from "../simulation/changes.js";
import { askPacemaker } from "../verify.js";

/** What a change of the cluster's configuration would lead to. */
export interface Effects {
  /** What becomes something else, the guest's own resources first. */
  readonly moves: readonly Change[];
  /** What is not the guest's own and would run no more, or in fewer places. */
  readonly stopped: readonly Change[];
  /** Why nobody can tell. */
  readonly unsupported: readonly string[];
}

/** @param own ids of the resources that the change is about */
export async function effectsOf(cib: XmlElement, edit: Edit, own: readonly string[], now: number): Promise<Effects> {
  const { resources, unsupported } = await foresee(cib, edit, now);
  if (unsupported.length > 0) return { moves: [], stopped: [], unsupported };
  const isOwn = ({ name }: Change): boolean => own.some((id) => name === id || name.startsWith(`${id}/`));
  const changed = resources.filter(hasChanged);
  const others = changed.filter((change) => !isOwn(change));
  return { moves: [...changed.filter(isOwn), ...others], stopped: others.filter(runsLess), unsupported };
}

/** `started alpha, unpromoted beta`: a place that is lost without another in the same role. */
function runsLess({ before, after }: Change): boolean {
  const roles = (text: string): readonly string[] => text.split(", ").map((place) => place.split(" ")[0] ?? "");
  const [was, is] = [roles(before), roles(after)];
  return ["started", "promoted", "unpromoted"].some(
    (role) => is.filter((each) => each === role).length < was.filter((each) => each === role).length,
  );
}

/** @throws RehomeError others-stop */
export function requireHarmless({ stopped, unsupported }: Effects, force: boolean): void {
  if (force) return;
  const remedy = "rehome cluster simulate tells more; --force does it all the same";
  if (unsupported.length > 0) {
    throw new RehomeError("others-stop", `what it stops cannot be foreseen: the CIB uses ${unsupported.join(", ")}`, {
      remedy,
    });
  }
  if (stopped.length === 0) return;
  throw new RehomeError(
    "others-stop",
    `something else would stop by it: ${stopped.map(({ name }) => name).join(", ")}`,
    {
      output: stopped.map(({ name, before, after }) => `${name}: ${before} -> ${after}`).join("\n"),
      remedy,
    },
  );
}

/**
 * Pacemaker's own opinion of a configuration, asked on a host before it gets it. Without the resources' history: with it,
 * crm_verify takes the instances of a clone that is taken out for errors, as long as they are active.
 * @throws RehomeError cib-invalid
 */
export async function requireValid(host: Host, cib: XmlElement): Promise<void> {
  const configuration = editChild(cib, named("status"), (status) => ({
    ...status,
    children: status.children.map((node) => withoutChildren(node, named("lrm"))),
  }));
  const said = await askPacemaker(host, ["-p"], "the CIB with the change", writeXml(configuration));
  if (said !== undefined) return;
  throw new RehomeError("command-failed", "crm_verify is not installed", {
    machine: host.name,
    remedy: "install the package pacemaker-cli-utils",
  });
}
