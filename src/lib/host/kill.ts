/** A program that is just being started does not have its mark yet: a first look that finds nothing is not the last. */
const KILL = `
seen=$2
for attempt in 1 2 3 4 5; do
  alive=
  for file in $(grep -lsF -e "$1" /proc/[0-9]*/environ); do
    pid=\${file#/proc/}
    kill -9 "\${pid%/environ}" 2>/dev/null && alive=1 seen=1
  done
  [ -z "$alive" ] && [ -n "$seen" ] && exit 0
  sleep 0.1 2>/dev/null || sleep 1
done
[ -z "$alive" ]`;

/** The variable in the environment of a program, and so of its children, by which they are found again. */
export function markOf(mark: string): string {
  return `REHOME_RUN=${mark}`;
}

/**
 * The argv that kills whatever runs with a mark, children included, and succeeds once nothing does. A process group is
 * not enough, since sudo and setsid leave it; nor are signals over an SSH channel, which sshd refuses for root.
 * @param options.started whether the program is known to have its mark already
 */
export function killCommand(mark: string, options: { readonly started: boolean }): readonly string[] {
  return ["sh", "-c", KILL, "sh", markOf(mark), options.started ? "1" : ""];
}
