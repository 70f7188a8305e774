import { readFile } from "node:fs/promises";
import { Args, Flags } from "@oclif/core";
import type { GuestChange } from "../../cluster/replicated-guest/index.js";
import { RehomeError } from "../../lib/errors.js";
import { BaseCommand, configFlags, dryRunFlag, sourceFlags } from "../../lib/view/base-command.js";

const START_MS = 5 * 60_000;

type Added = GuestChange & { readonly changed: number; readonly node?: string };

export default class ClusterAdd extends BaseCommand {
  static override summary = "Give the cluster a guest on a replicated volume to run.";
  static override description = `Takes libvirt's domain XML, whose disks are the devices of a volume of rehome volume create, and checks whether both
hosts could run it. Puts it on both, outside of libvirt's own folders, and adds all of the guest's resources in one
change: DRBD, promoted on one host, the guest with it, and a preference for the host that reaches more gateways. What
else would move is foreseen first; when something else would stop, nothing is done.

A guest that is there is brought up to date; a changed definition counts from its next start on. Without a domain XML it
gets the definition that it was registered with: for a host that was away then, and may not run the guest until it has it.`;
  static override examples = [
    "<%= config.bin %> <%= command.id %> web1 --domain web1.xml",
    {
      description: "See what would be done",
      command: "<%= config.bin %> <%= command.id %> web1 --domain web1.xml --dry-run",
    },
    {
      description: "Register it, and start it later",
      command: "<%= config.bin %> <%= command.id %> web1 --domain web1.xml --volume web1-disks --stopped",
    },
    {
      description: "Give a host that was away at the cutover what it needs to run the guest",
      command: "<%= config.bin %> <%= command.id %> web1",
    },
  ];
  static override args = { guest: Args.string({ description: "the guest's name", required: true }) };
  static override flags = {
    ...configFlags,
    ...sourceFlags,
    ...dryRunFlag,
    domain: Flags.string({
      char: "d",
      description: "libvirt's domain XML, as virsh dumpxml --inactive prints it; needed for a guest that is new",
      helpValue: "FILE",
    }),
    volume: Flags.string({
      description: "its replicated volume; the guest's name without it",
      helpValue: "NAME",
      dependsOn: ["domain"],
    }),
    stopped: Flags.boolean({ description: "do not start a guest that is new", dependsOn: ["domain"] }),
    force: Flags.boolean({ description: "do it even if something else would stop by it" }),
  };

  async run(): Promise<Added | GuestChange> {
    const { args, flags } = await this.parse(ClusterAdd);
    const { guest } = args;
    const domain = flags.domain === undefined ? undefined : await readDomainFile(flags.domain);
    const [
      { openCluster },
      { addGuest, awaitAdded, foreseeGuest, registeredGuest },
      { changeLines, notesLines },
      { noteRegistered },
    ] = await Promise.all([
      import("../../cluster/setup/session.js"),
      import("../../cluster/replicated-guest/index.js"),
      import("../../cluster/replicated-guest/text.js"),
      import("../../migrators/registered.js"),
    ]);
    const session = await openCluster({
      configPath: flags.config,
      acceptNewHostKey: flags["accept-new-host-key"],
      signal: this.signal,
    });
    const report = this.createReport();
    try {
      const options = { report, signal: this.signal, force: flags.force };
      const request =
        domain === undefined
          ? await registeredGuest(session, guest)
          : {
              ...{ name: guest, xml: () => domain, source: flags.domain ?? "" },
              ...{ volume: flags.volume ?? guest, start: !flags.stopped },
            };
      if (flags["dry-run"]) {
        const change = await foreseeGuest(session, request, options);
        report.close();
        const lines = changeLines(change);
        this.print(lines.length === 0 ? `guest ${guest}: nothing to do` : lines);
        return change;
      }
      const added = await addGuest(session, request, options);
      await noteRegistered(flags.config, guest, added.undefinedOn);
      const { node } = await awaitAdded(session, guest, { timeoutMs: START_MS, signal: this.signal });
      report.close();
      return this.show({ ...added, ...(node !== undefined && { node }) }, notesLines(added));
    } finally {
      report.close();
      await session.close();
    }
  }

  private show(added: Added, notes: readonly string[]): Added {
    const { guest, changed, node } = added;
    const where = node === undefined ? "it is stopped" : `it runs on ${node}`;
    this.print(
      changed === 0 ? `guest ${guest} is there already; ${where}` : `guest ${guest} is in the cluster; ${where}`,
    );
    this.print(notes);
    if (node === undefined) this.suggest(`rehome cluster start ${guest}`);
    return added;
  }
}

async function readDomainFile(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new RehomeError("file-unreadable", "cannot read the domain XML", {
      path,
      cause,
      remedy: "name the file with --domain; virsh dumpxml --inactive GUEST prints one",
    });
  }
}
