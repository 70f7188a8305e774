/** Exit statuses of every command. docs/errors.md is generated from this file (npm run docs:errors). */
export const EXIT_CODES = {
  ok: { status: 0, meaning: "done" },
  failed: { status: 1, meaning: "something failed that no other status describes" },
  usage: { status: 2, meaning: "the command line is wrong" },
  config: { status: 3, meaning: "a file that you wrote is wrong (rehome.yaml, a CIB)" },
  connection: { status: 4, meaning: "a machine could not be reached, trusted or logged in to" },
  refused: { status: 5, meaning: "a check found a reason not to go on; nothing was changed" },
  target: { status: 6, meaning: "the target lacks a tool, space or a right" },
  data: { status: 7, meaning: "data on the target is not what was sent; the source is intact" },
  busy: { status: 8, meaning: "somebody else is working on the same thing" },
  interrupted: { status: 9, meaning: "stopped in the middle; run the same command again to go on" },
  undone: { status: 10, meaning: "everything was undone by itself: the source works again" },
} as const;

export type ExitName = keyof typeof EXIT_CODES;

interface ErrorCodeInfo {
  readonly exit: ExitName;
  /** One line for docs/errors.md. */
  readonly meaning: string;
}

/** Every stable error code. Add to the section of your area; never rename or reuse one. */
export const ERROR_CODES = {
  // everywhere
  internal: { exit: "failed", meaning: "a fault in rehome itself" },
  usage: { exit: "usage", meaning: "a flag or argument is wrong" },
  cancelled: { exit: "interrupted", meaning: "stopped by a signal" },
  "command-failed": { exit: "failed", meaning: "a program that rehome ran ended with an error" },
  "command-timeout": { exit: "failed", meaning: "a program that rehome ran did not end in time" },
  "tool-missing": { exit: "target", meaning: "a program that this takes is not installed" },
  "output-unreadable": { exit: "failed", meaning: "a program printed something that rehome does not understand" },
  "file-unreadable": { exit: "failed", meaning: "a file could not be read" },
  "file-unwritable": { exit: "target", meaning: "a file could not be written" },
  "journal-corrupt": { exit: "failed", meaning: "a journal has a damaged record before its end" },
  locked: { exit: "busy", meaning: "another rehome works on the same thing" },
  "xml-malformed": { exit: "config", meaning: "a document is no well-formed XML" },

  // machines and ssh
  "host-unreachable": { exit: "connection", meaning: "no connection to the machine" },
  "host-key-unknown": { exit: "connection", meaning: "the machine's host key is not known" },
  "host-key-changed": { exit: "connection", meaning: "the machine's host key is not the known one" },
  "host-key-revoked": { exit: "connection", meaning: "the machine's host key is marked as revoked" },
  "ssh-incompatible": { exit: "connection", meaning: "the machine's sshd and rehome share no cipher or key type" },
  "secret-exposed": { exit: "connection", meaning: "others may read a file with a key or a password" },
  "session-limit": { exit: "connection", meaning: "the machine opens no more sessions on a connection" },
  "auth-failed": { exit: "connection", meaning: "the machine refused the key or the password" },
  "shell-unusable": { exit: "connection", meaning: "the user's login shell runs no programs, or adds output to them" },
  "sudo-failed": { exit: "connection", meaning: "the user may not become root on the machine" },
  "connection-lost": { exit: "interrupted", meaning: "the connection to the machine broke" },

  // configuration and plan
  "config-missing": { exit: "config", meaning: "there is no rehome.yaml" },
  "config-invalid": { exit: "config", meaning: "rehome.yaml has an error" },
  "config-exists": { exit: "refused", meaning: "rehome init would overwrite a rehome.yaml" },
  "source-unknown": { exit: "config", meaning: "no source of that name in rehome.yaml" },
  "guest-unknown": { exit: "config", meaning: "no guest of that name in rehome.yaml" },
  "plan-blocked": { exit: "refused", meaning: "the plan of the guest has a blocker" },
  "source-unsupported": { exit: "refused", meaning: "rehome cannot move this kind of source" },

  // staging
  "disk-changed": { exit: "refused", meaning: "a source disk is not the one that the guest was planned with" },
  "disk-missing": { exit: "refused", meaning: "a source disk is gone" },
  "source-read-failed": {
    exit: "interrupted",
    meaning: "a source disk cannot be read (a bad sector, a disk that died)",
  },
  "source-tool-missing": { exit: "refused", meaning: "the source lacks what it takes to read its disks safely" },
  "agent-failed": { exit: "interrupted", meaning: "rehome's program on another machine stopped or answered nonsense" },
  "target-full": { exit: "target", meaning: "the target has not enough space" },
  "target-write-failed": { exit: "target", meaning: "a volume cannot be written or read" },
  "volume-foreign": { exit: "refused", meaning: "something that rehome did not make is where a volume should be" },
  "volume-missing": { exit: "refused", meaning: "a volume that was staged before is gone" },
  "volume-stale": { exit: "refused", meaning: "this host's copy of a volume is older than the other host's" },
  "volume-diverged": { exit: "refused", meaning: "the volume was converted or has run: no more passes onto it" },
  "verify-mismatch": { exit: "data", meaning: "the target does not hold what was sent" },
  "copies-differ": { exit: "data", meaning: "the two hosts do not hold the same of a volume" },
  "nothing-copied": { exit: "data", meaning: "a pass copied nothing where data was expected" },

  // conversion
  "appliance-failed": { exit: "target", meaning: "the libguestfs appliance does not start or broke down" },
  "conversion-failed": {
    exit: "failed",
    meaning: "a step of the conversion failed; the staged volumes are as they were",
  },
  "conversion-unfinished": { exit: "refused", meaning: "there is no finished conversion to commit" },
  "conversion-committing": { exit: "refused", meaning: "the conversion is already being committed; finish that first" },
  "conversion-no-space": { exit: "target", meaning: "the target has no space for the conversion's overlays" },
  "guest-unsupported": { exit: "refused", meaning: "the disks hold no operating system that rehome can convert" },
  "guest-encrypted": { exit: "refused", meaning: "the guest's root is encrypted and cannot be opened" },
  "guest-filesystem-damaged": { exit: "refused", meaning: "a file system of the guest cannot be mounted" },
  "guest-disk-full": { exit: "refused", meaning: "a file system inside the guest has no space left" },

  // rehearsal
  "rehearsal-failed": { exit: "refused", meaning: "the guest did not boot when it was rehearsed" },
  "memory-short": { exit: "target", meaning: "there is too little free memory to start a guest" },

  // cutover
  "config-changed": {
    exit: "refused",
    meaning: "rehome.yaml says something else of the guest than when it was staged",
  },
  "source-changed": {
    exit: "refused",
    meaning: "the source has disks or network cards that it had not when it was staged",
  },
  "source-busy": { exit: "failed", meaning: "something on the source can still write to its disks" },
  "source-alive": { exit: "refused", meaning: "the source may still be running, so the guest must not start" },
  "source-not-back": { exit: "failed", meaning: "the source was told to start again and does not answer" },
  "not-staged": { exit: "refused", meaning: "the guest has no complete copy yet" },
  "wrong-state": { exit: "refused", meaning: "the guest is not in a state in which this can be done" },
  "downtime-too-long": { exit: "refused", meaning: "the predicted downtime is longer than the limit given" },
  "downtime-exceeded": { exit: "undone", meaning: "the guest was not started in time, so the cutover went back" },
  "window-missed": { exit: "refused", meaning: "the time at which a cutover was to begin has passed" },
  "cutover-stale": {
    exit: "refused",
    meaning: "an interrupted cutover cannot go on: the source was restarted meanwhile",
  },
  "changes-stay": {
    exit: "refused",
    meaning: "what a guest wrote since its cutover cannot go back to the source with it",
  },
  "guest-silent": { exit: "failed", meaning: "the guest runs and a check of it does not answer" },

  // cluster
  "password-missing": { exit: "config", meaning: "the password of a BMC is not where rehome.yaml says" },
  "cluster-blocked": { exit: "refused", meaning: "something stands in the way of setting up the cluster" },
  "volume-exists": { exit: "refused", meaning: "there is a volume of that name, and it is another one" },
  "volume-busy": { exit: "refused", meaning: "a volume is in use" },
  "domain-refused": { exit: "config", meaning: "a domain XML has what a guest of the cluster must not have, or lacks" },
  "domain-unfit": { exit: "refused", meaning: "a host cannot run the guest, or would run another one than the other" },
  "domain-exists": {
    exit: "refused",
    meaning: "libvirt has a domain of the guest's name or disks, outside the cluster",
  },
  "others-stop": { exit: "refused", meaning: "something else in the cluster would stop by it" },
  "file-foreign": { exit: "refused", meaning: "a file that rehome did not write is where one of its own would be" },
  "drbd-unusable": { exit: "target", meaning: "the hosts have no DRBD, or not the same" },
  "fence-unsafe": { exit: "refused", meaning: "the cluster is not fit to have a member fenced for a test" },
  "fence-failed": { exit: "failed", meaning: "a member could not be fenced: the cluster cannot recover from its loss" },
  "fence-ineffective": { exit: "failed", meaning: "fencing was reported as done, and the machine was never off" },
  "not-confirmed": { exit: "refused", meaning: "the question whether to go on was not answered with yes" },
  "step-without-effect": { exit: "failed", meaning: "a step of setting up the cluster did not do what it is for" },
  "cluster-undescribed": { exit: "config", meaning: "rehome.yaml has no cluster section" },
  "cluster-unreachable": { exit: "connection", meaning: "Pacemaker answers on no host of the cluster" },
  "cluster-ambiguous": { exit: "usage", meaning: "two clusters could be meant" },
  "no-quorum": { exit: "refused", meaning: "this part of the cluster may not act: too few members are there" },
  "graduate-blocked": { exit: "refused", meaning: "the runtime's CIB cannot be loaded into the cluster" },
  "graduate-halted": {
    exit: "interrupted",
    meaning: "the runtime's resources are in the cluster, and nobody manages them before something is put right",
  },
  "cib-missing": { exit: "config", meaning: "there is no CIB" },
  "cib-invalid": { exit: "config", meaning: "the CIB has an error; the one in use stays as it is" },
  "cib-changed": { exit: "failed", meaning: "somebody else changed the cluster's configuration at the same time" },
  "cib-unsupported": { exit: "config", meaning: "the CIB uses something that rehome does not understand" },
  "resource-unknown": { exit: "config", meaning: "the CIB has no resource of that name" },
  "resource-exists": { exit: "refused", meaning: "the CIB has another resource of that name already" },
  "resource-active": { exit: "refused", meaning: "the resource runs, or may run" },
  "resource-failed": { exit: "failed", meaning: "a resource did not become what was asked for" },
  "node-unknown": { exit: "config", meaning: "the CIB has no node of that name" },
  "resource-stays": { exit: "refused", meaning: "the resource would not become what was asked for" },
  "runtime-not-running": { exit: "refused", meaning: "no runtime keeps the cluster" },
  "runtime-unreachable": { exit: "failed", meaning: "the runtime, or Pacemaker, does not answer" },
} as const satisfies Record<string, ErrorCodeInfo>;

export type ErrorCode = keyof typeof ERROR_CODES;
