import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { configureCluster } from "../../../src/cluster/setup/cib/base.js";
import { drbdResource } from "../../../src/cluster/setup/files/drbd-resource.js";
import type { ClusterSession } from "../../../src/cluster/setup/session.js";
import { RehomeError } from "../../../src/lib/errors.js";
import { localHost } from "../../../src/lib/host/local-host.js";
import type { Host, RunResult } from "../../../src/lib/host/types.js";
import { writeXml, type XmlElement } from "../../../src/lib/xml.js";
import { playState } from "../../helpers/fake-drbd.js";
import { FakeHost } from "../../helpers/fake-host.js";
import { bareCib, CAPACITIES } from "../setup/cib.js";
import { exampleCluster } from "../setup/example.js";

/** As an administrator may have written it: single quotes, no UUID, no <cpu>. */
export const DOMAIN = `<domain type='kvm'>
  <name>web1</name>
  <memory unit='MiB'>512</memory>
  <vcpu>2</vcpu>
  <os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type></os>
  <devices>
    <disk type='block' device='disk'>
      <driver name='qemu' type='raw'/>
      <source dev='/dev/drbd10'/>
      <target dev='vda' bus='virtio'/>
    </disk>
    <disk type='block' device='disk'>
      <driver name='qemu' type='raw'/>
      <source dev='/dev/drbd11'/>
      <target dev='vdb' bus='virtio'/>
    </disk>
    <interface type='bridge'>
      <mac address='52:54:00:12:34:56'/>
      <source bridge='br0'/>
      <model type='virtio'/>
    </interface>
  </devices>
</domain>
`;

const RESOURCE = drbdResource("8.4", {
  name: "web1",
  secret: "s",
  port: 7800,
  volumes: [0, 1].map((number) => ({ number, minor: 10 + number, disk: `/dev/vg_guests/web1-${number}` })),
  hosts: [
    { name: "alpha", nodeId: 0, backplane: "10.255.0.1" },
    { name: "beta", nodeId: 1, backplane: "10.255.0.2" },
  ],
});

/** A domain that libvirt knows: kept or transient, running or not. */
export interface FakeDomain {
  readonly xml: string;
  readonly kept: "defined" | "transient";
  readonly state: "running" | "off";
}

/** A host with the volume web1: libvirt and DRBD are played, the CIB and Pacemaker's tools are real. */
export class GuestHost implements Host {
  readonly fake: FakeHost;
  readonly domains: FakeDomain[] = [];
  /** Whether every program ends with a connection that broke. */
  lost = false;
  hasPacemaker = true;
  /** What happens right before a program runs. */
  before: (argv: readonly string[]) => void = () => undefined;
  /** Programs that were run and files that were written, in order. */
  readonly asked: string[] = [];
  readonly #local: Host;
  readonly #cib: string;

  constructor(
    readonly name: string,
    cib: string,
    prepare: (host: FakeHost) => void = () => undefined,
  ) {
    this.#cib = cib;
    this.#local = localHost(name);
    this.fake = new FakeHost(name);
    prepare(this.fake);
    this.#play();
  }

  run(argv: readonly string[], options: Parameters<Host["run"]>[1] = {}): Promise<RunResult> {
    if (this.lost) {
      return Promise.reject(new RehomeError("connection-lost", "the connection broke", { machine: this.name }));
    }
    const isReal = /^(cibadmin|crm_verify|mktemp|rm -rf) |^sh .*cibadmin --patch/s.test(argv.join(" "));
    this.asked.push(argv.join(" "));
    this.before(argv);
    if (argv[0] === "cibadmin" && !this.hasPacemaker) {
      return Promise.resolve({ argv, exitCode: 102, stdout: "", stderr: "Could not connect to the CIB API" });
    }
    if (!isReal) return this.fake.run(argv, options);
    return this.#local.run(argv, { ...options, env: { ...options.env, CIB_file: this.#cib } });
  }

  start(...parameters: Parameters<Host["start"]>): ReturnType<Host["start"]> {
    return this.fake.start(...parameters);
  }

  readFile(path: string): Promise<Buffer> {
    return this.fake.readFile(path);
  }

  writeFile(path: string, data: string | Buffer, mode?: number): Promise<void> {
    this.asked.push(`write ${path}`);
    return path.startsWith("/tmp/") ? this.#local.writeFile(path, data, mode) : this.fake.writeFile(path, data, mode);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #play(): void {
    const { files } = this.fake;
    playState(this.fake)
      .on(/^vgs /, JSON.stringify({ report: [{ vg: [{ vg_name: "vg_guests", vg_free: "4294967296" }] }] }))
      .on(/^lvs /, JSON.stringify({ report: [{ lv: [] }] }))
      .on(/^sh -c for file in \/etc\/drbd/, `/etc/drbd.d/web1.res ${Buffer.from(RESOURCE).toString("base64")}\n`)
      .on(/^sh -c ls \/sys\/block/, "")
      .on(/^ss /, "")
      .on(["drbdadm", "cstate", "web1"], "Connected\n")
      .on(["drbdadm", "role", "web1"], "Secondary/Secondary\n")
      .on(["drbdadm", "dstate", "web1"], "UpToDate/UpToDate\nUpToDate/UpToDate\n")
      .on(["test", "-d", "/sys/class/net/br0/bridge"], "")
      .on(/^test -d /, { exitCode: 1 })
      .on(/^virsh .* domcapabilities --virttype kvm --arch x86_64 --machine pc-i440fx-7.2$/, CAPABILITIES)
      .on(/^virsh .* domcapabilities /, {
        exitCode: 1,
        stderr: "error: invalid argument: the machine is not supported",
      })
      .on(/^sh .* virsh .* hypervisor-cpu-compare /s, "")
      .on(/^sh .* virsh .* domxml-to-native /s, "")
      .on(/^sh -c uuids=/, () => domainsText(this.domains))
      .on(
        /^sh -c for file; do/,
        ({ argv }) =>
          `${argv
            .slice(4)
            .map((path) => files.get(path)?.toString("base64") ?? "-")
            .join("\n")}\n`,
      )
      .on(/^dpkg-query/, "")
      .on(/^mkdir/, "")
      .on(/^test -e /, ({ argv }) => ({ exitCode: files.has(argv[2]!) ? 0 : 1 }))
      .on(/^sh -c \[ ! -e "\$1" \]/, ({ argv }) => ({ exitCode: files.has(argv[4]!) ? 1 : 0 }))
      .on(/^rm -f -- /, ({ argv }) => {
        files.delete(argv.at(-1)!);
        return "";
      })
      .on(/^crm_resource --wait /, "");
  }
}

/** As virsh tells: UUIDs of those that are kept, of all, XML of each, UUIDs again. A domain without a UUID gets one. */
function domainsText(domains: readonly FakeDomain[]): string {
  const told = domains.map(({ xml, kept, state }, index) => {
    const uuid = /<uuid>(.*)<\/uuid>/.exec(xml)?.[1] ?? `00000000-0000-4000-8000-00000000000${index}`;
    const whole = xml.includes("<uuid>") ? xml : xml.replace("</name>", `</name><uuid>${uuid}</uuid>`);
    return { uuid, kept, text: state === "running" ? whole.replace("<domain", "<domain id='7'") : whole };
  });
  const uuids = told.map(({ uuid }) => uuid);
  const defined = told.filter(({ kept }) => kept === "defined").map(({ uuid }) => uuid);
  return [...defined, ...uuids, "--", ...told.map(({ text }) => text.trim()), ...uuids, ""].join("\n");
}

const CAPABILITIES = `<domainCapabilities><cpu><mode name='host-passthrough' supported='yes'/>
  <mode name='host-model' supported='yes'/><mode name='custom' supported='yes'/></cpu></domainCapabilities>`;

export interface World {
  readonly alpha: GuestHost;
  readonly beta: GuestHost;
  readonly session: ClusterSession;
  /** The CIB of both, a file. */
  readonly cib: string;
  end(): void;
}

/** A cluster after init, with a volume and no guest. @param edit what else its CIB has */
export function guestWorld(
  edit: (cib: XmlElement) => XmlElement = (cib) => cib,
  prepare: (host: FakeHost) => void = () => undefined,
): World {
  const folder = mkdtempSync(join(tmpdir(), "rehome-guest-"));
  const cib = join(folder, "cib.xml");
  const cluster = exampleCluster();
  writeFileSync(cib, writeXml(edit(configureCluster(cluster, CAPACITIES)(bareCib("qdevice")))));
  const [alpha, beta] = [new GuestHost("alpha", cib, prepare), new GuestHost("beta", cib, prepare)];
  const hosts = new Map<string, Host>([
    ["alpha", alpha],
    ["beta", beta],
  ]);
  const session: ClusterSession = {
    cluster,
    passwords: new Map(),
    connections: { hosts, unreachable: [], close: () => Promise.resolve() },
    proven: new Set(),
    exclusively: (_, work) => work({ append: () => Promise.resolve() }),
    close: () => Promise.resolve(),
  };
  return { alpha, beta, session, cib, end: () => rmSync(folder, { recursive: true }) };
}
