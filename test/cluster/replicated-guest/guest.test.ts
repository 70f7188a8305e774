import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { findResource, setNodeAttribute } from "../../../src/cluster/cib/edit.js";
import { setNodeCondition, setTransientAttribute, type NodeCondition } from "../../../src/cluster/cib/status.js";
import { pairSet } from "../../../src/cluster/cib/make.js";
import { pairValue } from "../../../src/cluster/cib/tree.js";
import {
  addGuest,
  definitionPath,
  foreseeGuest,
  registeredGuest,
  removeGuest,
  type GuestRequest,
} from "../../../src/cluster/replicated-guest/index.js";
import { put } from "../../../src/cluster/setup/cib/base.js";
import { schedule } from "../../../src/cluster/scheduler/index.js";
import type { ClusterSession } from "../../../src/cluster/setup/session.js";
import { silentReport } from "../../../src/lib/report.js";
import { element, parseXml, writeXml, type XmlElement } from "../../../src/lib/xml.js";
import type { FakeHost } from "../../helpers/fake-host.js";
import { DOMAIN, guestWorld, type World } from "./world.js";

const REQUEST: GuestRequest = { name: "web1", xml: () => DOMAIN, source: "web1.xml", volume: "web1", start: true };
const OPTIONS = { report: silentReport };
const PATH = definitionPath("web1");

/** What Pacemaker notes of a guest that it has looked for and that does not run, on a volume that DRBD serves. */
const NOT_RUNNING = `<lrm id="1"><lrm_resources>
  <lrm_resource id="web1" class="ocf" provider="heartbeat" type="VirtualDomain">
    <lrm_rsc_op id="web1_last_0" operation_key="web1_monitor_0" operation="monitor" call-id="1" rc-code="7" op-status="0"
      interval="0" transition-key="1:0:7:x" transition-magic="0:7;1:0:7:x" crm-debug-origin="x"/>
  </lrm_resource>
  <lrm_resource id="drbd-web1" class="ocf" provider="linbit" type="drbd">
    <lrm_rsc_op id="drbd-web1_last_0" operation_key="drbd-web1_start_0" operation="start" call-id="2" rc-code="0" op-status="0"
      interval="0" transition-key="2:0:0:x" transition-magic="0:0;2:0:0:x" crm-debug-origin="x"/>
  </lrm_resource></lrm_resources></lrm>`;

function cibOf({ cib }: World): XmlElement {
  return parseXml(readFileSync(cib, "utf8"), cib);
}

describe("a guest on a replicated volume", () => {
  let world: World;
  const begin = (...parameters: Parameters<typeof guestWorld>): World => (world = guestWorld(...parameters));

  afterEach(() => world.end());

  it("is registered with all that it needs, once", async () => {
    const { session, alpha, beta, cib } = begin();
    const added = await addGuest(session, REQUEST, OPTIONS);
    assert.equal(added.changed, 3); // two definitions, one change of the CIB
    assert.deepEqual(
      added.files.map(({ machine, path }) => [machine, path]),
      [
        ["alpha", PATH],
        ["beta", PATH],
      ],
    );
    assert.equal(alpha.fake.modes.get(PATH), 0o600);
    assert.equal(alpha.fake.files.get(PATH)?.toString(), beta.fake.files.get(PATH)?.toString());
    assert.match(added.difference, /^\+ +<clone id="ms-drbd-web1">$/m);
    execFileSync("crm_verify", ["-V", "-x", cib], { stdio: "pipe" });
    const again = await addGuest(session, REQUEST, OPTIONS);
    assert.deepEqual([again.changed, again.difference, again.files.length], [0, "", 0]);
  });

  it("is foreseen without a change, and starts where its volume is promoted", async () => {
    const { session, alpha, cib } = begin();
    const before = readFileSync(cib, "utf8");
    const { moves, files } = await foreseeGuest(session, REQUEST, OPTIONS);
    const where = (name: string): string | undefined => moves.find((move) => move.name === name)?.after;
    const node = /^started (\w+)$/.exec(where("web1") ?? "")?.[1];
    assert.match(where("ms-drbd-web1/drbd-web1") ?? "", new RegExp(`promoted ${node!}, unpromoted`));
    assert.equal(files.length, 2);
    assert.equal(readFileSync(cib, "utf8"), before);
    assert.equal(alpha.fake.files.size, 0);
  });

  it("registered as stopped is not started", async () => {
    const { session } = begin();
    const { moves } = await addGuest(session, { ...REQUEST, start: false }, OPTIONS);
    assert.ok(!moves.some(({ name }) => name === "web1"));
    assert.equal(pairValue(findResource(cibOf(world), "web1")!, "meta_attributes", "target-role"), "Stopped");
    await addGuest(session, REQUEST, OPTIONS);
    assert.equal(pairValue(findResource(cibOf(world), "web1")!, "meta_attributes", "target-role"), "Stopped");
  });

  it("is brought up to date, and keeps what an administrator set", async () => {
    const { session, cib } = begin();
    await addGuest(session, REQUEST, OPTIONS);
    execFileSync("crm_resource", ["-r", "web1", "--meta", "-p", "is-managed", "-v", "false"], {
      env: { ...process.env, CIB_file: cib },
      stdio: "pipe",
    });
    const more = { ...REQUEST, xml: () => DOMAIN.replace("<vcpu>2", "<vcpu>4") };
    const { changed, files } = await addGuest(session, more, OPTIONS);
    assert.equal(changed, 3);
    assert.match(files[1]?.difference ?? "", /^\+ +<vcpu>4<\/vcpu>$/m);
    const guest = findResource(cibOf(world), "web1")!;
    assert.equal(pairValue(guest, "utilization", "cpu"), "4");
    assert.equal(pairValue(guest, "meta_attributes", "is-managed"), "false");
  });

  it("is taken out again, with everything that names it and nothing else", async () => {
    const { session, alpha, beta, cib } = begin();
    const configuration = (): string =>
      JSON.stringify(cibOf(world).children[0], (key, value: unknown) => (key === "line" ? 0 : value));
    const before = configuration();
    await addGuest(session, { ...REQUEST, start: false }, OPTIONS);
    execFileSync("crm_resource", ["-r", "ms-drbd-web1", "--ban", "--node", "beta", "--promoted"], {
      env: { ...process.env, CIB_file: cib },
      stdio: "pipe",
    });
    await assert.rejects(removeGuest(session, "web1", { ...OPTIONS, patienceMs: 9 }), /nobody can tell whether/);
    const told = readFileSync(cib, "utf8").replace(/(<node_state [^>]*)\/>/g, `$1>${NOT_RUNNING}</node_state>`);
    setTimeout(() => writeFileSync(cib, told), 100);
    await removeGuest(session, "web1", OPTIONS);
    assert.equal(configuration(), before);
    assert.deepEqual([alpha.fake.files.size, beta.fake.files.size], [0, 0]);
    await assert.rejects(removeGuest(session, "web1", OPTIONS), { code: "resource-unknown" });
  });

  it("that libvirt has elsewhere is not registered", async () => {
    const other = (disk: string): string =>
      DOMAIN.replace("web1", "x").replace("/dev/drbd10", disk).replace("/dev/drbd11", "/dev/vg_guests/others");
    const domains: Readonly<Record<string, string>> = {
      "its own name": other("/dev/vg_guests/others-2").replace(">x<", ">web1<"),
      "its disks": other("/dev/drbd10"),
      "the volume below its disks": other("/dev/vg_guests/web1-0"),
      "its disks by DRBD's name for them": other("/dev/drbd/by-res/web1/0"),
      "its disks by what is below them": other("/dev/drbd/by-disk/vg_guests/web1-0"),
      "the volume by device-mapper's name": other("/dev/mapper/vg_guests-web1--0"),
    };
    const { session, beta } = begin();
    for (const [what, xml] of Object.entries(domains)) {
      for (const kept of ["defined", "transient"] as const) {
        beta.domains.splice(0, 1, { xml, kept, state: "running" });
        await assert.rejects(addGuest(session, REQUEST, OPTIONS), { code: "domain-exists" }, what);
        assert.equal(findResource(cibOf(world), "web1"), undefined);
        assert.equal(beta.fake.files.size, 0);
      }
    }
  });

  it("that the cluster runs is brought up to date, unless libvirt keeps a definition of it", async () => {
    const { session, alpha } = begin();
    await addGuest(session, REQUEST, OPTIONS);
    alpha.domains.push({ xml: DOMAIN, kept: "transient", state: "running" });
    const { changed, notes } = await addGuest(session, REQUEST, OPTIONS);
    assert.equal(changed, 0);
    assert.match(notes.join("\n"), /it runs/);
    alpha.domains.splice(0, 1, { xml: DOMAIN, kept: "defined", state: "off" });
    await assert.rejects(addGuest(session, REQUEST, OPTIONS), { code: "domain-exists" });
  });

  it("that a host could not run is not registered", async () => {
    begin();
    const { session, beta } = world;
    const unfit = (xml: string): Promise<unknown> =>
      assert.rejects(addGuest(session, { ...REQUEST, xml: () => xml }, OPTIONS), { code: "domain-unfit" });
    await unfit(DOMAIN.replace("br0", "br9"));
    await unfit(DOMAIN.replace("pc-i440fx-7.2", "pc-i440fx-99.0"));
    await unfit(DOMAIN.replace("<devices>", "<cpu mode='maximum'/><devices>"));
    assert.equal(beta.fake.files.size, 0);
  });

  it("with a processor that one host lacks, or a kernel that differs, is not registered", async () => {
    begin(undefined, (host) =>
      host
        .on(
          /^sh .* virsh .* hypervisor-cpu-compare /s,
          host.name === "beta" ? { exitCode: 1, stderr: "incompatible" } : "",
        )
        .on(["sha256sum", "--", "/boot/vmlinuz"], `${host.name === "beta" ? "b" : "a"}1  /boot/vmlinuz\n`),
    );
    const cpu = DOMAIN.replace("<devices>", "<cpu mode='custom'><model>EPYC</model></cpu><devices>");
    await assert.rejects(addGuest(world.session, { ...REQUEST, xml: () => cpu }, OPTIONS), { code: "domain-unfit" });
    const kernel = DOMAIN.replace("</os>", "<kernel>/boot/vmlinuz</kernel></os>");
    await assert.rejects(addGuest(world.session, { ...REQUEST, xml: () => kernel }, OPTIONS), { code: "domain-unfit" });
  });

  it("is refused a volume, a name or a file that is another's", async () => {
    const { session, alpha } = begin();
    await assert.rejects(addGuest(session, { ...REQUEST, volume: "web9" }, OPTIONS), { code: "volume-missing" });
    await assert.rejects(addGuest(session, { ...REQUEST, name: "fence-alpha" }, OPTIONS), { code: "usage" });
    alpha.fake.files.set(PATH, Buffer.from("<domain/>"));
    await assert.rejects(addGuest(session, REQUEST, OPTIONS), { code: "file-foreign" });
    alpha.fake.files.clear();
    await addGuest(session, REQUEST, OPTIONS);
    const other = { ...REQUEST, name: "web2", xml: () => DOMAIN.replace("web1", "web2").replace("34:56", "34:57") };
    await assert.rejects(addGuest(session, other, OPTIONS), { code: "volume-busy" });
  });

  it("is refused the name of a resource that somebody else made", async () => {
    const dummy = element("primitive", { id: "web1", class: "ocf", provider: "pacemaker", type: "Dummy" });
    const { session } = begin(put("resources", dummy));
    await assert.rejects(addGuest(session, REQUEST, OPTIONS), { code: "resource-exists" });
  });

  it("for which something else would have to stop is not registered, unless it must be", async () => {
    // a resource that the cluster runs, and that may not be where the guest is
    const { session } = begin((cib) => {
      const crowd = element("primitive", { id: "mail", class: "ocf", provider: "pacemaker", type: "Dummy" }, [
        pairSet("utilization", "mail-u", { hv_memory: "15000" }),
        pairSet("meta_attributes", "mail-m", { priority: "-5" }),
      ]);
      const standby = setNodeAttribute(put("resources", crowd)(cib), "alpha", "standby", "on");
      return standby;
    });
    const big = { ...REQUEST, xml: () => DOMAIN.replace("512", "14000") };
    await assert.rejects(addGuest(session, big, OPTIONS), { code: "others-stop" });
    const { moves } = await addGuest(session, big, { ...OPTIONS, force: true });
    assert.ok(moves.some(({ name, after }) => name === "mail" && after === "stopped"));
  });

  /** Beta cannot be logged in to, and is what Pacemaker says of it. */
  function awayWorld(condition: NodeCondition, prepare?: (host: FakeHost) => void): ClusterSession {
    const { session, alpha } = begin((cib) => setNodeCondition(cib, { id: "2", name: "beta" }, condition), prepare);
    const unreachable = [{ name: "beta", message: "no connection", remedy: "switch it on" }];
    return { ...session, connections: { ...session.connections, hosts: new Map([["alpha", alpha]]), unreachable } };
  }
  const impatient = { ...OPTIONS, patienceMs: 10 };

  it("is not registered while a host is away of which nobody knows what runs there", async () => {
    for (const condition of ["online", "lost"] as const) {
      await assert.rejects(addGuest(awayWorld(condition), REQUEST, impatient), { code: "host-unreachable" });
      assert.equal(findResource(cibOf(world), "web1"), undefined);
      if (condition === "online") world.end();
    }
  });

  it("is registered without a host that is certainly down, and may not go there before it has the definition", async () => {
    const away = awayWorld("offline");
    const { notes, files, undefinedOn } = await addGuest(away, REQUEST, impatient);
    assert.deepEqual(
      files.map(({ machine }) => machine),
      ["alpha"],
    );
    assert.deepEqual(undefinedOn, ["beta"]);
    assert.match(notes.join("\n"), /not yet highly available: beta is away.*rehome cluster add web1/);
    execFileSync("crm_verify", ["-V", "-x", world.cib], { stdio: "pipe" });
    assert.equal((await addGuest(away, REQUEST, impatient)).changed, 0);

    // back, and the better place by far: more gateways answer there, and alpha is on standby
    const back = (cib: XmlElement): XmlElement => {
      const online = setNodeCondition(cib, { id: "2", name: "beta" }, "online");
      const nodes = [
        { id: "1", name: "alpha" },
        { id: "2", name: "beta" },
      ];
      const fit = nodes.reduce((at, node) => setTransientAttribute(at, node, "master-drbd-web1", "10000"), online);
      const reached = setTransientAttribute(fit, { id: "2", name: "beta" }, "pingd", "2000");
      return setNodeAttribute(reached, "alpha", "standby", "on");
    };
    const onBeta = (cib: XmlElement): readonly string[] =>
      schedule(back(cib), Date.now())
        .actions.filter(({ node, task }) => node === "beta" && ["start", "promote"].includes(task))
        .map(({ resource, task }) => `${task} ${resource?.id ?? ""}`)
        .filter((each) => each.includes("web1"));
    assert.deepEqual(
      onBeta(cibOf(world)).filter((each) => !each.startsWith("start drbd")),
      [],
    );

    writeFileSync(world.cib, writeXml(setNodeCondition(cibOf(world), { id: "2", name: "beta" }, "online")));
    const request = await registeredGuest(world.session, "web1");
    const added = await addGuest(world.session, request, OPTIONS);
    assert.deepEqual(
      added.files.map(({ machine }) => machine),
      ["beta"],
    );
    assert.deepEqual(added.undefinedOn, []);
    assert.equal(world.beta.fake.files.get(PATH)?.toString(), world.alpha.fake.files.get(PATH)?.toString());
    assert.ok(onBeta(cibOf(world)).some((each) => each === "start web1"));
    assert.equal((await addGuest(world.session, request, OPTIONS)).changed, 0);
    assert.equal(pairValue(findResource(cibOf(world), "web1")!, "meta_attributes", "target-role"), "Started");
  });

  it("is not registered on a volume that is not known to be current while the other host is away", async () => {
    const behind = awayWorld("offline", (host) => host.on(["drbdadm", "dstate", "web1"], "Consistent/DUnknown\n"));
    await assert.rejects(addGuest(behind, REQUEST, impatient), { code: "volume-stale", message: /Consistent/ });
  });

  it("is taken out without a host that is down, which keeps the definition that it has", async () => {
    const away = awayWorld("offline");
    await addGuest(world.session, { ...REQUEST, start: false }, impatient);
    const stopped = readFileSync(world.cib, "utf8").replace(
      /(<node_state [^>]*uname="alpha"[^>]*)\/>/,
      `$1>${NOT_RUNNING}</node_state>`,
    );
    writeFileSync(world.cib, stopped);
    const { notes } = await removeGuest(away, "web1", impatient);
    assert.match(notes.join("\n"), /beta is away and keeps its definition.*rehome cluster remove web1/);
    assert.equal(findResource(cibOf(world), "web1"), undefined);
    assert.deepEqual([world.alpha.fake.files.size, world.beta.fake.files.size], [0, 1]);
    await removeGuest(world.session, "web1", OPTIONS);
    assert.equal(world.beta.fake.files.size, 0);
  });

  it("that nobody registered cannot be given to a host", async () => {
    const { session } = begin();
    await assert.rejects(registeredGuest(session, "web1"), { code: "resource-unknown", remedy: /--domain/ });
  });
});
