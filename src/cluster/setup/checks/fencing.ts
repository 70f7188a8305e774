import { clusterConcern } from "../concerns.js";
import { membersOf } from "../members.js";
import type { ClusterCheck } from "./context.js";

export const checkBmcs: ClusterCheck = ({ cluster, facts }) => {
  const members = membersOf(cluster);
  const shared = members.flatMap(({ name, bmc }, index) => {
    const other = members.slice(0, index).find((each) => each.bmc.address === bmc.address);
    if (other === undefined) return [];
    const message = `its BMC ${bmc.address} is ${other.name}'s too`;
    return [clusterConcern("bmc-shared", name, message, "give each machine the address of its own BMC")];
  });
  const answers = facts.bmcs.flatMap(({ name, from, answer, output }) => {
    const { address = "", user = "" } = members.find((member) => member.name === name)?.bmc ?? {};
    const said = output.split("\n").findLast((line) => line.trim() !== "") ?? "";
    const detail = said === "" ? "" : `: ${said.trim()}`;
    switch (answer) {
      case "on":
      case "agent-missing": // package-missing tells
        return [];
      case "off":
        return [
          clusterConcern(
            "bmc-off",
            name,
            `the BMC ${address} says that it is off, and it is not`,
            "this is another machine's BMC: correct the address",
          ),
        ];
      case "refused":
        return [
          clusterConcern(
            "bmc-refused",
            name,
            `the BMC ${address} refuses ${user}${detail}`,
            "correct the user and the password; the user needs the right to switch the power",
          ),
        ];
      case "silent":
        return [
          clusterConcern(
            "bmc-silent",
            name,
            `asked by ${from}, the BMC ${address} does not answer ${user}${detail}`,
            "see that its address, user and password are right (some BMCs say nothing to a wrong one), that IPMI over LAN is on, and that members reach its network",
          ),
        ];
    }
  });
  return [...shared, ...answers];
};
