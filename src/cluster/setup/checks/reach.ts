import { clusterConcern } from "../concerns.js";
import type { ClusterCheck } from "./context.js";

export const checkReach: ClusterCheck = ({ facts }) => [
  ...facts.unreachable.map(({ name, message, remedy }) => clusterConcern("machine-unreachable", name, message, remedy)),
  ...facts.machines.flatMap(({ name, hostname, root, unknown }) => [
    ...(root
      ? []
      : [
          clusterConcern(
            "machine-not-root",
            name,
            "the login has not root's rights",
            `log in as root, or set sudo: true for ${name}`,
          ),
        ]),
    ...(hostname === name
      ? []
      : [
          clusterConcern(
            "machine-name",
            name,
            `it calls itself ${hostname}`,
            `use that name in rehome.yaml, or rename it: hostnamectl set-hostname ${name}`,
          ),
        ]),
    ...unknown.map((what) =>
      clusterConcern("facts-incomplete", name, `not known: ${what}`, "look at it yourself before you go on"),
    ),
  ]),
];
