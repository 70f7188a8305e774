import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { TestSshd } from "../helpers/sshd.js";
import type { StagingFixture } from "../helpers/staging.js";

/** Something that copies a disk over SSH. */
export interface Program {
  readonly name: string;
  /** What has to be installed. */
  readonly tools: readonly string[];
  /** Where its copy is. */
  readonly target: string;
  readonly full: readonly string[];
  /** What brings the copy up to date; undefined when it can only copy all of it again. */
  readonly delta: readonly string[] | undefined;
}

/** All contenders; every one has a copy of its own, and the same cipher. */
export function programs(guest: StagingFixture, sshd: TestSshd): readonly Program[] {
  const { folder } = guest;
  const [source = ""] = guest.disks;
  const ssh = sshCommand(sshd);
  const login = `${sshd.user}@${sshd.host}`;
  const at = (name: string): string => join(folder, `${name}.raw`);
  const rehome = [
    process.execPath,
    ...nodeFlags(),
    fileURLToPath(new URL("./stage.js", import.meta.url)),
    writeJob(guest, sshd),
  ];
  const [here, there] = [join(folder, "here.sock"), join(folder, "there.sock")];
  const overNbd = (copy: readonly string[]): readonly string[] => [
    ...["sh", "-c", OVER_NBD, "sh", here, there, source, `${ssh.length + 1}`],
    ...[...ssh, login],
    ...copy,
  ];
  const rsync = ["rsync", "--inplace", "--ignore-times", "-e", ssh.join(" "), `${login}:${source}`, at("rsync")];
  return [
    { name: "rehome", tools: [], target: guest.volumes[0] ?? "", full: rehome, delta: rehome },
    {
      name: "rsync",
      tools: ["rsync"],
      target: at("rsync"),
      full: [...rsync, "--sparse"],
      delta: [...rsync, "--no-whole-file"],
    },
    {
      name: "nbdcopy",
      tools: ["nbdcopy", "nbdkit"],
      target: at("nbdcopy"),
      full: overNbd(["nbdcopy", "--flush", `nbd+unix:///?socket=${here}`, at("nbdcopy")]),
      delta: undefined,
    },
    {
      name: "qemu-img",
      tools: ["qemu-img", "nbdkit"],
      target: at("qemu-img"),
      full: overNbd(["qemu-img", "convert", "-f", "raw", "-O", "raw", `nbd+unix:///?socket=${here}`, at("qemu-img")]),
      delta: undefined,
    },
  ];
}

/** The flags that the command itself starts node with. */
function nodeFlags(): readonly string[] {
  const [line = ""] = readFileSync(new URL("../../bin/run.js", import.meta.url), "utf8").split("\n");
  return line.split(" ").filter((word) => word.startsWith("--"));
}

/** Writes down what rehome has to do. @returns the file */
function writeJob({ folder, context: { plan, machine } }: StagingFixture, { target }: TestSshd): string {
  const path = join(folder, "job.json");
  writeFileSync(path, JSON.stringify({ plan, machine, stateFolder: join(folder, "state"), target }));
  return path;
}

/** Runs a program here that reads from nbdkit on the source, with their sockets joined by ssh. */
const OVER_NBD = `here=$1 there=$2 source=$3 count=$4; shift 4
rm -f "$here" "$there" "$there.pid"
ssh=
while [ "$count" -gt 0 ]; do ssh="$ssh $1"; shift; count=$((count - 1)); done
$ssh "nbdkit -U $there -P $there.pid file $source"
$ssh -N -L "$here:$there" &
tunnel=$!
while [ ! -S "$here" ]; do sleep 0.02; done
"$@"
status=$?
kill "$tunnel" "$(cat "$there.pid")"
wait
exit $status`;

function sshCommand({ port, identity, knownHosts }: TestSshd): readonly string[] {
  const options = [
    "BatchMode=yes",
    "IdentitiesOnly=yes",
    `UserKnownHostsFile=${knownHosts}`,
    "Ciphers=aes128-gcm@openssh.com",
    "LogLevel=ERROR",
  ];
  return ["ssh", "-F", "none", "-p", `${port}`, "-i", identity, ...options.flatMap((option) => ["-o", option])];
}

/** The process that accepts connections. */
export function sshdPid({ folder }: TestSshd): number {
  return Number(readFileSync(join(folder, "sshd.pid"), "utf8"));
}
