import type { ClusterConfig } from "../../../lib/config/schema.js";
import type { ClusterFacts } from "../facts/types.js";
import { hostsOf, membersOf } from "../members.js";
import { sharedLines, shell } from "./make.js";
import type { Step } from "./types.js";

const KEY = "/root/.ssh/id_ed25519";

/** A private key that is there is kept: a run that was cut off may have come that far. An empty one is no key. */
const MAKE_KEY = `set -e
mkdir -p -m 700 "\${1%/*}"
if [ -s "$1" ]; then ssh-keygen -y -P "" -f "$1" >"$1.pub.new"
else
  rm -f -- "$1"
  ssh-keygen -q -t ed25519 -N "" -C "root@$2" -f "$1"
  mv -- "$1.pub" "$1.pub.new"
fi
sync -- "$1" "$1.pub.new"
mv -- "$1.pub.new" "$1.pub"`;

/** The hosts log in to each other, for guests that move: with keys of their own, and each other's host keys pinned. */
export function logins(cluster: ClusterConfig, { machines }: ClusterFacts): readonly Step[] {
  const hosts = hostsOf(cluster);
  const known = membersOf(cluster).flatMap(({ name, lan, backplane }) => {
    const keys = machines.find((machine) => machine.name === name)?.hostKeys ?? [];
    return keys.map((key) => `${[name, `${name}-bp`, lan, backplane].join(",")} ${key}`);
  });
  return [
    ...hosts.map(({ name }) =>
      sharedLines(
        name,
        "/etc/ssh/ssh_known_hosts",
        () => known,
        "the hosts know each other's SSH keys, and trust no other",
      ),
    ),
    ...hosts.map(({ name }): Step => ({
      kind: "command",
      machine: name,
      argv: shell(MAKE_KEY, KEY, name),
      unless: ["test", "-s", `${KEY}.pub`],
      why: "a key to log in to the other host with",
    })),
    ...hosts.map(({ name }) => {
      const others = hosts.filter((host) => host.name !== name);
      return sharedLines(
        name,
        "/root/.ssh/authorized_keys",
        (keys) => keys.map((key) => key.toString("utf8").trim()),
        "the other host may log in, to move guests here",
        { mode: 0o600, sources: others.map((other) => ({ machine: other.name, path: `${KEY}.pub` })) },
      );
    }),
  ];
}
