import type { ClusterSession } from "../../../src/cluster/setup/session.js";
import { RehomeError } from "../../../src/lib/errors.js";
import { localHost } from "../../../src/lib/host/local-host.js";
import type { HostProcess } from "../../../src/lib/host/types.js";
import { playState } from "../../helpers/fake-drbd.js";
import { FakeHost } from "../../helpers/fake-host.js";
import { exampleCluster } from "../setup/example.js";

const MIB = 1024 ** 2;
export const RES = "/etc/drbd.d/web1.res";

/** A host with LVM and DRBD as far as volumes need them: what is made is there afterwards. */
export class VolumeHost extends FakeHost {
  readonly volumes = new Map<string, { size: number; tags: string }>();
  /** Which volumes were made zeros. */
  readonly blanked: string[] = [];
  cutBeforeBlank = false;
  up = false;
  /** Whether every program ends with a connection that broke. */
  lost = false;
  disks: string[] = [];
  role = "Secondary";
  free = 1024 * MIB;
  peer: VolumeHost | undefined;
  /** DRBD's data generation of all volumes, and whether this host is promoted. */
  generation = "00000000000000A0";
  /** Where what is written to a device is kept, by the device. */
  cib: string | undefined;
  readonly devices = new Map<string, string>();

  constructor(name: string) {
    super(name);
    playState(this)
      .on(/^vgs /, () => report("vg", [{ vg_name: "vg_guests", vg_free: `${this.free}` }]))
      .on(/^lvs .*lv_tags$/, () =>
        report(
          "lv",
          [...this.volumes].map(([lv, { size, tags }]) => ({
            lv_name: lv,
            vg_name: "vg_guests",
            lv_size: `${size}`,
            lv_tags: tags,
          })),
        ),
      )
      .on(/^sh -c for file in \/etc\/drbd/, () =>
        [...this.files]
          .filter(([path]) => path.endsWith(".res"))
          .map(([path, content]) => `${path} ${content.toString("base64")}\n`)
          .join(""),
      )
      .on(
        /^sh -c for file; do/,
        ({ argv }) =>
          `${argv
            .slice(4)
            .map((path) => this.files.get(path)?.toString("base64") ?? "-")
            .join("\n")}\n`,
      )
      .on(/^sh -c ls \/sys\/block/, "vda\ndrbd12\n")
      .on(/^ss /, "LISTEN 0 128 0.0.0.0:7801 0.0.0.0:*\n")
      .on(["modinfo", "-F", "version", "drbd"], "8.4.11\n")
      .on(/^dpkg-query/, "")
      .on(/^mkdir/, "")
      .on(/^lvcreate /, ({ argv }) => {
        const size = Number(argv[argv.findIndex((word) => /size$/.test(word)) + 1]!.replace("b", ""));
        const tags = argv.filter((_, index) => argv[index - 1] === "--addtag").join(",");
        this.volumes.set(argv[argv.indexOf("--name") + 1]!, { size, tags });
        return "";
      })
      .on(/^sh -c lvs /, ({ argv }) => ({ exitCode: this.volumes.has(argv[4]!.split("/")[1]!) ? 0 : 5 }))
      .on(/^sh -c ! lvs /, ({ argv }) => ({ exitCode: this.volumes.has(argv[4]!.split("/")[1]!) ? 1 : 0 }))
      .on(/^lvremove /, ({ argv }) => {
        this.volumes.delete(argv.at(-1)!.split("/")[1]!);
        return "";
      })
      .on(["drbdadm", "create-md", "--force", "web1"], () => {
        this.disks = [...this.volumes.keys()].map(() => "Inconsistent");
        return "";
      })
      .on(/^sh -c drbdadm dstate .*dump-md/, () => ({ exitCode: this.disks.length > 0 ? 0 : 1 }))
      .on(/^(sh -c case .*drbdadm adjust|drbdadm up web1$)/s, () => {
        this.up = true;
        return "";
      })
      .on(/^sh -c tags=/, ({ argv }) => {
        const [name, tag] = [argv[4]!.split("/")[1]!, argv[5]!];
        const volume = this.volumes.get(name)!;
        const tags = volume.tags.split(",");
        if (!argv[2]!.includes("blkdiscard")) return { exitCode: tags.includes(tag) ? 1 : 0 };
        if (this.cutBeforeBlank) throw new RehomeError("connection-lost", "gone");
        if (!tags.includes(tag)) return { exitCode: 1 };
        this.blanked.push(name);
        volume.tags = tags.filter((each) => each !== tag).join(",");
        return "";
      })
      .on(/^sh -c drbdadm cstate/, () => ({ exitCode: this.up ? 0 : 1 }))
      .on(/^sh -c said=/, () => ({ exitCode: this.up && this.peer!.up ? 0 : 1, stdout: "Connecting\n" }))
      .on(/^sh -c ! drbdadm dstate/, ({ argv }) => ({
        exitCode: this.disks[Number(argv[4]!.split("/")[1])] === "Inconsistent" ? 1 : 0,
      }))
      .on(/^drbdadm new-current-uuid --clear-bitmap web1\/(\d)$/, ({ argv }) => {
        for (const host of [this, this.peer!]) host.disks[Number(argv[3]!.split("/")[1])] = "UpToDate";
        return "";
      })
      .on(/^drbdadm (cstate|role|dstate) web1$/, ({ argv }) => {
        if (!this.up) return { exitCode: 10 };
        const both = this.disks.map((disk, index) => `${disk}/${this.peer!.disks[index] ?? ""}\n`).join("");
        return { cstate: "Connected\n", role: `${this.role}/${this.peer!.role}\n`, dstate: both }[argv[1]!] ?? "";
      })
      .on(/^sh -c \[ ! -e "\$2" \] \|\|/, () => ({ exitCode: this.up ? 1 : 0 }))
      .on(["drbdadm", "down", "web1"], () => {
        this.up = false;
        return "";
      })
      .on(/^sh -c \[ ! -e "\$1" \]/, ({ argv }) => ({ exitCode: this.files.has(argv[4]!) ? 1 : 0 }))
      .on(["rm", "-f", "--", RES], () => {
        this.files.delete(RES);
        return "";
      })
      .on(["cibadmin", "--query"], () => this.cib ?? { exitCode: 102 })
      .on(/^lvs .*lv_tags vg_guests\/web1-\d$/, ({ argv }) => {
        const volume = this.volumes.get(argv.at(-1)!.split("/")[1]!);
        return volume === undefined ? { exitCode: 5 } : report("lv", [{ lv_tags: volume.tags }]);
      })
      .on(/^lvchange /, ({ argv }) => {
        const volume = this.volumes.get(argv.at(-1)!.split("/")[1]!)!;
        const named = (option: string): readonly string[] => argv.filter((_, index) => argv[index - 1] === option);
        const kept = volume.tags.split(",").filter((tag) => !named("--deltag").includes(tag));
        volume.tags = [...kept, ...named("--addtag")].join(",");
        return "";
      })
      .on(/^drbdadm get-gi web1\/\d$/, () => `${this.generation}:0000000000000000:0:0:1:1\n`)
      .on(/^drbdadm (disk-options --fencing=dont-care web1\/\d|adjust web1)$/, "")
      .on(["drbdadm", "primary", "web1"], () => {
        if (this.peer!.role === "Primary") return { exitCode: 11, stderr: "Multiple primaries not allowed" };
        this.role = "Primary";
        return "";
      })
      .on(["drbdadm", "secondary", "web1"], () => {
        this.role = "Secondary";
        return "";
      });
  }

  override run(...parameters: Parameters<FakeHost["run"]>): ReturnType<FakeHost["run"]> {
    if (!this.lost) return super.run(...parameters);
    return Promise.reject(new RehomeError("connection-lost", "the connection broke", { machine: this.name }));
  }

  /** The writer of a volume really runs, on a file. */
  override start(argv: readonly string[]): Promise<HostProcess> {
    return localHost(this.name).start(argv.map((word) => this.devices.get(word) ?? word));
  }
}

function report(kind: string, rows: readonly object[]): string {
  return JSON.stringify({ report: [{ [kind]: rows }] });
}

/** Two hosts that have nothing yet, as a cluster. */
export function world(): { alpha: VolumeHost; beta: VolumeHost; session: ClusterSession } {
  const [alpha, beta] = [new VolumeHost("alpha"), new VolumeHost("beta")];
  alpha.peer = beta;
  beta.peer = alpha;
  const hosts = new Map([
    ["alpha", alpha],
    ["beta", beta],
  ]);
  const session: ClusterSession = {
    cluster: exampleCluster(),
    passwords: new Map(),
    connections: { hosts, unreachable: [], close: () => Promise.resolve() },
    proven: new Set(),
    exclusively: (_, work) => work({ append: () => Promise.resolve() }),
    close: () => Promise.resolve(),
  };
  return { alpha, beta, session };
}
