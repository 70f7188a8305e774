import type { Concern } from "../../types.js";
import { concern } from "../concerns.js";
import type { PlanContext } from "../context.js";

/** What the conversion of this version knows. */
const DISTRIBUTIONS = ["debian", "ubuntu"];
const ARCHITECTURES = /^(x86_64|i[3-6]86)$/;
const SKEW_LIMIT_MS = 5000;

/** What kind of machine the source is, and what is not known of it. */
export function checkSource({ machine }: PlanContext): readonly Concern[] {
  const concerns: Concern[] = [];
  if (machine.container !== undefined) {
    concerns.push(
      concern(
        "source-container",
        `${machine.hostname} is a container (${machine.container})`,
        "move the machine that it runs on, or what runs in it",
      ),
    );
  }
  if (machine.xenHost === true) {
    concerns.push(
      concern(
        "source-xen-host",
        `${machine.hostname} is the host of Xen domains, which would all stop when it is moved`,
        "to move one of its domains, write kind: xen and domain: NAME to the source in rehome.yaml; rehome inspect lists them",
      ),
    );
  }
  if (!machine.inspectedAsRoot) {
    concerns.push(
      concern(
        "source-not-root",
        `${machine.hostname} was inspected without root's rights, so that disks could not be read`,
        "log in as root, or set sudo: true for the source in rehome.yaml",
      ),
    );
  }
  if (!ARCHITECTURES.test(machine.architecture)) {
    concerns.push(
      concern("architecture-unsupported", `the processor is ${machine.architecture}`, "only x86 machines can be moved"),
    );
  }
  if (!DISTRIBUTIONS.includes(machine.distribution.id)) {
    concerns.push(
      concern(
        "distribution-unsupported",
        `${machine.distribution.name} cannot be converted by this version`,
        "only Debian and Ubuntu can be moved so far",
      ),
    );
  }
  if (Math.abs(machine.clockSkewMs) > SKEW_LIMIT_MS) {
    const seconds = Math.round(Math.abs(machine.clockSkewMs) / 1000);
    concerns.push(
      concern(
        "clock-skew",
        `the source's clock is ${seconds} s ${machine.clockSkewMs > 0 ? "ahead" : "behind"}`,
        "let both machines keep time by NTP, or the guest's clock jumps at cutover",
      ),
    );
  }
  if (machine.unknown.length > 0) {
    concerns.push(
      concern(
        "inspection-incomplete",
        `not known: ${machine.unknown.join("; ")}`,
        "see rehome inspect, and judge yourself",
      ),
    );
  }
  return concerns;
}
