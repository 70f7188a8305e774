import { isGuestName } from "../../../lib/config/schema.js";
import type { Concern } from "../../types.js";
import { concern } from "../concerns.js";
import type { PlanContext } from "../context.js";

/** Names that libvirt and the CIB take, and that nobody else has. */
export function checkName({ draft, target, state }: PlanContext): readonly Concern[] {
  const { name } = draft;
  if (!isGuestName(name)) {
    return [
      concern(
        "guest-name-invalid",
        `"${name}" is no name for libvirt and the cluster`,
        "choose one of letters, digits, '.', '_' and '-' that starts with a letter",
      ),
    ];
  }
  const taken = target.domains?.some((domain) => domain.name === name) === true;
  // once the cutover began, the domain of that name is this guest
  if (!taken || !["planned", "staging", "staged"].includes(state)) return [];
  return [
    concern(
      "guest-exists",
      `the target already has a domain ${name}`,
      "give the guest another name in rehome.yaml; if that domain is a left-over, look at it before you remove it",
    ),
  ];
}
