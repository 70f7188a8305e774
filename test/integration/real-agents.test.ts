import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { agentWorld, type AgentWorld } from "../helpers/agent-world/index.js";

const NODE = "node1";

function nvset(kind: string, id: string, values: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(values).map(
    ([name, value]) => `<nvpair id="${id}-${name}" name="${name}" value="${value}"/>`,
  );
  return `<${kind} id="${id}">${pairs.join("")}</${kind}>`;
}

function primitive(id: string, agent: string, params: Readonly<Record<string, string>>, monitors = [""]): string {
  const [agentClass, ...rest] = agent.split(":");
  const [type, provider] = rest.reverse();
  const operations = monitors.map(
    (role, index) =>
      `<op id="${id}-m${index}" name="monitor" interval="${index + 1}s" timeout="20s"${role && ` role="${role}"`}/>`,
  );
  return `<primitive id="${id}" class="${agentClass}" ${provider === undefined ? "" : `provider="${provider}"`} type="${type}">
    ${nvset("instance_attributes", `${id}-ia`, params)}<operations>${operations.join("")}</operations></primitive>`;
}

function cib(folder: string): string {
  return `<cib validate-with="pacemaker-3.9" crm_feature_set="3.16.1" epoch="1" num_updates="0" admin_epoch="0">
  <configuration>
    <crm_config>${nvset("cluster_property_set", "opts", { "stonith-enabled": "false" })}</crm_config>
    <nodes><node id="1" uname="${NODE}"/></nodes>
    <resources>
      ${primitive("address", "ocf:heartbeat:IPaddr2", { ip: "10.9.0.77", nic: "guests", cidr_netmask: "24" })}
      ${primitive("files", "ocf:heartbeat:Filesystem", { device: "tmpfs", directory: join(folder, "mnt"), fstype: "tmpfs" })}
      ${primitive("gateway", "ocf:pacemaker:ping", { host_list: "10.9.0.1", multiplier: "1000", dampen: "0s", pidfile: join(folder, "ping.pid") })}
      ${primitive("ledger", "lsb:ledgerd", {})}
      ${primitive("volumes", "ocf:heartbeat:LVM-activate", { vgname: "vg0", vg_access_mode: "tagging" })}
      ${primitive("unit", "systemd:ledger", {})}
      <clone id="disk-clone">
        ${nvset("meta_attributes", "disk-meta", { promotable: "true", notify: "true", "clone-max": "2" })}
        ${primitive("disk", "ocf:linbit:drbd", { drbd_resource: "r0", drbdconf: "/etc/drbd.conf" }, ["Promoted", "Unpromoted"])}
      </clone>
      ${primitive("guest", "ocf:pacemaker:Dummy", { state: join(folder, "guest.state") })}
    </resources>
    <constraints>
      <rsc_colocation id="with-disk" rsc="guest" with-rsc="disk-clone" with-rsc-role="Promoted" score="INFINITY"/>
      <rsc_order id="after-disk" first="disk-clone" first-action="promote" then="guest" then-action="start"/>
    </constraints>
  </configuration>
  <status/>
</cib>
`;
}

/**
 * Agents of Debian's packages, unmodified, in namespaces of their own. DRBD and LVM need modules that a kernel may not
 * have: the agents are real, their tools are stand-ins that tell what they were asked.
 */
describe("real agents", function () {
  this.timeout(180_000);
  let world: AgentWorld;
  const monitored = (resource: string, seconds: number, how: string): Promise<void> =>
    world.until(`${resource} is monitored`, () =>
      world.log().includes(`${NODE}: ${resource} monitor every ${seconds} s: ${how}`),
    );

  before(async function () {
    if (process.getuid?.() !== 0) {
      console.log("      skipped: only root can make namespaces");
      this.skip();
    }
    world = await agentWorld(NODE, (folder) => cib(folder));
    await mkdir(join(world.folder, "mnt"), { recursive: true });
  });
  after(() => (world as AgentWorld | undefined)?.remove());

  it("IPaddr2 gives the address, and gives it again when it was taken away", async () => {
    await monitored("address", 1, "ok");
    const has = async (): Promise<boolean> =>
      (await world.inside("ip", "-br", "address", "show", "guests")).includes("10.9.0.77/24");
    assert.ok(await has());
    await world.inside("ip", "address", "del", "10.9.0.77/24", "dev", "guests");
    await world.until(
      "the address is back",
      async () => world.log().includes("address fail-count is 1") && (await has()),
    );
  });

  it("Filesystem mounts, and mounts again", async () => {
    await monitored("files", 1, "ok");
    const mounted = async (): Promise<boolean> =>
      (await world.inside("findmnt", "-n", join(world.folder, "mnt"))).includes("tmpfs");
    assert.ok(await mounted());
    await world.inside("umount", join(world.folder, "mnt"));
    await world.until("mounted again", async () => world.log().includes("files fail-count is 1") && (await mounted()));
  });

  it("ping tells how many it reaches", () =>
    world.until("the attribute is set", () => world.log().includes(`${NODE}: attribute pingd = 1000`)));

  it("an init script runs, and is started again when its daemon died", async () => {
    await monitored("ledger", 1, "ok");
    await rm(join(world.folder, "daemon.state"));
    await world.until("started again", () => existsSync(join(world.folder, "daemon.state")));
    assert.match(world.log(), /ledger monitor every 1 s: FAILED, not running \(7\)/);
  });

  it("LVM-activate activates with its tag", async () => {
    await monitored("volumes", 1, "ok");
    const calls = await world.calls();
    const first = (pattern: RegExp): number => calls.findIndex((call) => pattern.test(call));
    assert.ok(first(/^vgchange .*--addtag pacemaker vg0/) >= 0, calls.join("\n"));
    assert.ok(first(/^lvchange -ay .*vg0/) > first(/^vgchange .*--addtag/), calls.join("\n"));
  });

  it("drbd is brought up, promoted by its own score, and the guest follows", async () => {
    await monitored("disk", 1, "promoted (8)");
    await world.until("the guest runs", () => existsSync(join(world.folder, "guest.state")));
    assert.match(world.log(), /attribute master-disk = \d+/);
    const log = world.log();
    assert.ok(log.indexOf("disk promote: ok") < log.indexOf("guest start: ok"));
    assert.match(log, /disk notify: ok/);
  });

  it("a systemd unit where systemd does not run is an error in words", async () => {
    await world.until("said", () => world.log().includes("systemd does not run on this machine"));
  });

  it("all stop in order, and leave nothing behind", async () => {
    await world.stop();
    const done = (await world.calls()).filter((call) =>
      /^drbdadm .*(primary|secondary|down|new-minor|attach) r0$/.test(call),
    );
    assert.deepEqual(
      done.map((call) => /(\S+) r0$/.exec(call)?.[1]).filter((task, index, all) => task !== all[index - 1]),
      ["new-minor", "attach", "primary", "secondary", "down"],
    );
    for (const left of ["guest.state", "daemon.state", "lvchange.state", "vgchange.state", "drbdadm.state"]) {
      assert.equal(existsSync(join(world.folder, left)), false, left);
    }
  });
});
