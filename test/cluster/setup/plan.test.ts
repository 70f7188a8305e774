import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { applySteps, type StepRecord } from "../../../src/cluster/setup/apply.js";
import { connectAll, type Connections } from "../../../src/cluster/setup/facts/gather.js";
import { corosyncConf } from "../../../src/cluster/setup/files/corosync-conf.js";
import { isBlocked, planCluster, type ClusterPlan } from "../../../src/cluster/setup/plan.js";
import { planJson, planText } from "../../../src/cluster/setup/plan-text.js";
import { withBlock } from "../../../src/cluster/setup/steps/make.js";
import type { CommandStep } from "../../../src/cluster/setup/steps/types.js";
import type { RehomeError } from "../../../src/lib/errors.js";
import { silentReport } from "../../../src/lib/report.js";
import { writeXml } from "../../../src/lib/xml.js";
import type { FakeHost } from "../../helpers/fake-host.js";
import { bareCib } from "./cib.js";
import { exampleCluster } from "./example.js";
import { fakeMachine } from "./fake-machines.js";

const CONF = "/etc/corosync/corosync.conf";
const PASSWORDS = new Map([
  ["alpha", "secret-a"],
  ["beta", "secret-b"],
]);

/** Three machines whose commands are only remembered: a step's test holds once the step was taken. */
class World {
  readonly hosts = new Map<string, FakeHost>();
  readonly taken = new Set<string>();
  cib = writeXml(bareCib("qdevice"));
  started = false;
  steps: readonly CommandStep[] = [];
  broken: string | undefined;

  constructor(prepare: (host: FakeHost) => void = () => undefined) {
    for (const name of ["alpha", "beta", "arb"]) {
      const host = fakeMachine(name, (fake) => {
        prepare(fake);
        fake
          .on(
            (argv) => argv[2]?.includes("base64") === true,
            ({ argv }) =>
              `${argv
                .slice(4)
                .map((path) => fake.files.get(path)?.toString("base64") ?? "-")
                .join("\n")}\n`,
          )
          .on(["dpkg-query", "--show", "--showformat=${Conffiles}\\n"], ` ${CONF} ${md5("as packaged\n")}\n`)
          .on(["cibadmin", "--query"], () => (this.started ? this.cib : { exitCode: 102 }))
          .on(/^sh .*cibadmin --patch/s, ({ argv, input }) => {
            this.cib = input.subarray(Number(argv[4])).toString();
            return "";
          })
          .on(["systemctl", "is-active", "--quiet", "pacemaker.service"], () => ({ exitCode: this.started ? 0 : 3 }))
          .on(["crm_resource", "--wait", "--timeout", "30s"], () => ({ exitCode: this.started ? 0 : 1 }))
          .on(/corosync-quorumtool/, () => ({ exitCode: this.started ? 0 : 1 }))
          .on(/^mkdir -p /, "")
          .on(
            (argv) => this.find(name, argv) !== undefined,
            ({ argv }) => {
              const step = this.find(name, argv)!;
              const key = `${name} ${step.unless.join(" ")}`;
              if (argv === step.unless || same(argv, step.unless)) return { exitCode: this.taken.has(key) ? 0 : 1 };
              if (this.broken !== undefined && argv.join(" ").includes(this.broken))
                return { exitCode: 1, stderr: "no power\n" };
              this.taken.add(key);
              this.did(name, argv);
              return "";
            },
          );
      });
      this.hosts.set(
        name,
        host.on(() => this.steps.length === 0, { exitCode: 1 }),
      ); // the first look: nothing is there
    }
  }

  private find(name: string, argv: readonly string[]): CommandStep | undefined {
    return this.steps.find((step) => step.machine === name && (same(argv, step.argv) || same(argv, step.unless)));
  }

  /** What programs make that other steps need. */
  private did(name: string, argv: readonly string[]): void {
    const files = this.hosts.get(name)!.files;
    const text = argv.join(" ");
    const make = (path: string): void => void files.set(path, Buffer.from(`${path} of ${name}`));
    if (text.includes("ssh-keygen")) make("/root/.ssh/id_ed25519.pub");
    if (text.includes("corosync-qnetd-certutil -i")) make("/etc/corosync/qnetd/nssdb/qnetd-cacert.crt");
    if (text.includes("certutil -r")) make("/etc/corosync/qdevice/net/nssdb/qdevice-net-node.crq");
    if (text.includes("certutil -s")) make("/etc/corosync/qnetd/nssdb/cluster-office.crt");
    if (text.includes("certutil -M")) make("/etc/corosync/qdevice/net/nssdb/qdevice-net-node.p12");
    if (text.includes("restart") && text.includes("pacemaker.service")) this.started = true;
  }

  async connections(): Promise<Connections> {
    return connectAll(exampleCluster(), (_, name) => Promise.resolve(this.hosts.get(name)!), {
      acceptNewHostKey: false,
    });
  }

  async plan(): Promise<ClusterPlan> {
    const plan = await planCluster(exampleCluster(), await this.connections(), {
      passwords: PASSWORDS,
      report: silentReport,
    });
    this.steps = plan.steps.flatMap(({ step }) => (step.kind === "command" ? [step] : []));
    return plan;
  }

  async init(journal: StepRecord[] = []): Promise<number> {
    const plan = await this.plan();
    assert.deepEqual(
      plan.concerns.map(({ code }) => code),
      [],
    );
    const append = (record: StepRecord): Promise<void> => Promise.resolve(void journal.push(record));
    const steps = plan.steps.map(({ step }) => step);
    return applySteps(steps, this.hosts, { report: silentReport, journal: { append } });
  }

  text(name: string, path: string): string {
    return this.hosts.get(name)!.files.get(path)?.toString("utf8") ?? "";
  }
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((word, index) => word === b[index]);
}

function md5(text: string): string {
  return createHash("md5").update(text).digest("hex");
}

describe("rehome cluster plan", () => {
  it("shows every file as a difference and every command, and changes nothing", async () => {
    const world = new World();
    const plan = await world.plan();
    assert.equal(isBlocked(plan), false);
    const text = planText(plan, { diffs: true }).join("\n");
    assert.match(text, /^ {2}write \/etc\/corosync\/corosync\.conf \(new\)$/m);
    assert.match(text, /^ {6}\+ {2}cluster_name: office$/m);
    assert.match(text, /^ {2}run systemctl enable --quiet corosync\.service && systemctl restart corosync\.service$/m);
    assert.match(text, /^ {6}\+.*name="no-quorum-policy" value="stop"/m);
    assert.deepEqual(
      [...world.hosts.values()].flatMap((host) => [...host.modes.keys()]),
      ["/tmp/probe/probe.img", "/tmp/probe/probe.img"],
    );
    assert.doesNotMatch(text + JSON.stringify(planJson(plan)), /secret-/);
  });
});

describe("rehome cluster init", () => {
  it("makes a cluster, and a second run changes nothing", async () => {
    const world = new World();
    const journal: StepRecord[] = [];
    assert.ok((await world.init(journal)) > 30);
    assert.equal(world.text("beta", CONF), corosyncConf(exampleCluster()));
    assert.equal(world.text("alpha", "/etc/corosync/authkey"), world.text("beta", "/etc/corosync/authkey"));
    assert.equal(world.hosts.get("alpha")!.files.get("/etc/corosync/authkey")!.length, 256);
    assert.equal(world.hosts.get("alpha")!.modes.get("/etc/corosync/authkey"), 0o400);
    assert.match(world.text("beta", "/root/.ssh/authorized_keys"), /id_ed25519\.pub of alpha/);
    assert.match(
      world.text("alpha", "/etc/ssh/ssh_known_hosts"),
      /^beta,beta-bp,192\.0\.2\.12,10\.255\.0\.2 ssh-ed25519 AAAAbeta$/m,
    );
    assert.match(world.cib, /fence_ipmilan/);
    assert.equal(await world.init(), 0);
    assert.doesNotMatch(JSON.stringify(journal), /secret-/);
    assert.deepEqual(new Set(journal.map(({ state }) => state)), new Set(["begun", "done"]));
  });

  it("gives a host the passwords of the others' BMCs only, for root's eyes only", async () => {
    const world = new World();
    await world.init();
    assert.match(world.text("alpha", "/etc/rehome/fence/beta.password"), /\nsecret-b\n$/);
    assert.equal(world.hosts.get("alpha")!.modes.get("/etc/rehome/fence/beta.password"), 0o600);
    assert.equal(world.text("alpha", "/etc/rehome/fence/alpha.password"), "");
    const argvs = [...world.hosts.values()].flatMap(({ commandLines }) => commandLines).join("\n");
    assert.doesNotMatch(argvs, /secret-/);
  });

  it("that was cut off goes on, with the key that was made", async () => {
    const world = new World();
    world.broken = "corosync.service";
    await assert.rejects(world.init(), (error: RehomeError) => {
      assert.equal(error.code, "command-failed");
      assert.equal(error.where.machine, "alpha");
      assert.match(error.output ?? "", /no power/);
      return true;
    });
    const key = world.text("alpha", "/etc/corosync/authkey");
    world.broken = undefined;
    const left = await world.init();
    assert.ok(left > 0 && left < 15, `${left}`);
    assert.equal(world.text("alpha", "/etc/corosync/authkey"), key);
    assert.equal(await world.init(), 0);
  });

  it("keeps the key of the member that has one", async () => {
    const world = new World((host) => {
      if (host.name === "beta") host.files.set("/etc/corosync/authkey", Buffer.alloc(256, 7));
    });
    await world.init();
    assert.deepEqual(world.hosts.get("alpha")!.files.get("/etc/corosync/authkey"), Buffer.alloc(256, 7));
  });

  it("writes beside what others wrote into /etc/hosts", async () => {
    const world = new World((host) =>
      host.files.set("/etc/hosts", Buffer.from("127.0.0.1 localhost\n192.0.2.99 printer")),
    );
    await world.init();
    assert.match(
      world.text("alpha", "/etc/hosts"),
      /^127\.0\.0\.1 localhost\n192\.0\.2\.99 printer\n# rehome cluster: begin\n192\.0\.2\.11 alpha\n/,
    );
  });

  it("replaces the example that a package brought", async () => {
    const world = new World((host) => host.files.set(CONF, Buffer.from("as packaged\n")));
    assert.ok((await world.init()) > 30);
    assert.equal(world.text("alpha", CONF), corosyncConf(exampleCluster()));
  });

  it("refuses the configuration of another cluster, and shows it", async () => {
    const foreign = "totem {\n  cluster_name: theirs\n}\n";
    const world = new World((host) => host.files.set(CONF, Buffer.from(foreign)));
    const { concerns } = await world.plan();
    assert.deepEqual(
      concerns.map(({ code, machine }) => [code, machine]),
      [
        ["file-foreign", "alpha"],
        ["file-foreign", "beta"],
      ],
    );
    assert.match(concerns[0]!.message, /totem \{ cluster_name: theirs \}/);
  });

  it("refuses to change the configuration of a corosync that runs", async () => {
    const world = new World();
    await world.init();
    const changed = world.text("beta", CONF).replace("token: 5000", "token: 9000");
    world.hosts.get("beta")!.files.set(CONF, Buffer.from(changed));
    const { concerns } = await world.plan();
    assert.deepEqual(
      concerns.map(({ code, machine }) => [code, machine]),
      [["cluster-live", "beta"]],
    );
    assert.match(concerns[0]!.message, /- {2}token: 9000 \+ {2}token: 5000/);
  });

  it("names the machine of a step that changes nothing", async () => {
    const world = new World((host) => host.on(["modprobe", "drbd"], ""));
    await assert.rejects(world.init(), (error: RehomeError) => {
      assert.equal(error.code, "step-without-effect");
      assert.equal(error.where.machine, "alpha");
      return true;
    });
  });
});

describe("lines of ours in a shared file", () => {
  it("stay where they are when they change", () => {
    const once = withBlock("a\n", ["1"]);
    assert.equal(withBlock(`${once}b\n`, ["2"]), `a\n# rehome cluster: begin\n2\n# rehome cluster: end\nb\n`);
    assert.equal(withBlock(once, ["1"]), once);
  });
});
