import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { InitResult } from "../../../src/cluster/setup/init.js";
import type { PlanJson } from "../../../src/cluster/setup/plan-text.js";
import { rehome } from "../../helpers/rehome.js";
import { ARBITRATOR, HOSTS } from "./cluster/configuration.js";
import { ClusterLab } from "./cluster/finished.js";
import { initDisturbed } from "./cluster/init-process.js";

const log = (line: string): void => console.log(`      ${line}`);
const BOOT_MS = 10 * 60_000;
/** On busy cores: two runs that do everything, one that does nothing, a boot. */
const TWO_INITS_MS = 60 * 60_000;
const BLOCKED = 5;
const CONF = "/etc/corosync/corosync.conf";
const PACKAGES = "/var/lib/dpkg/status";
/** As dpkg keeps a package that was removed. */
const NOT_INSTALLED = "/^Package: corosync-qdevice$/,/^$/s/^Status: .*/Status: deinstall ok config-files/";
/** Slower than 100 Mbit/s, so that an emulated machine has the time to measure it. */
const SLOW_BACKPLANE = "tc qdisc add dev enp0s4 root tbf rate 20mbit burst 64kb latency 50ms";
/** An administrator's own, of another cluster. */
const FOREIGN = "totem {\n  version: 2\n  cluster_name: warehouse\n}\n";

interface Refusal {
  readonly error: { readonly code: string; readonly message: string; readonly output?: string };
}

interface Configuration {
  readonly cluster: { readonly hosts: Readonly<Record<string, { readonly bmc: object }>> };
}

describe("rehome cluster init and faults", () => {
  let cluster: ClusterLab;

  before(async () => {
    cluster = await ClusterLab.open(log);
  });
  after(() => cluster.close());

  const on = (name: string, script: string): Promise<string> =>
    cluster.machine(name).check(["sh", "-c", script], { timeoutMs: 120_000 });

  /** rehome.yaml with a wrong password for a host's BMC. @returns its path */
  async function withWrongPassword(host: string): Promise<string> {
    const folder = join(cluster.lab.folder, "rehome");
    const passwordFile = join(folder, "wrong.bmc");
    await writeFile(passwordFile, "not-the-password\n", { mode: 0o600 });
    const config = JSON.parse(await readFile(cluster.config, "utf8")) as Configuration;
    const bmc = config.cluster.hosts[host]?.bmc ?? {};
    Object.assign(bmc, { passwordFile });
    const path = join(folder, "wrong.yaml");
    await writeFile(path, JSON.stringify(config));
    return path;
  }

  async function concerns(config = cluster.config): Promise<readonly string[]> {
    const { status, stdout, stderr } = await rehome("cluster plan", "--config", config, "--json");
    assert.ok(status === 0 || status === BLOCKED, stdout.slice(0, 2000) + stderr);
    return (JSON.parse(stdout) as PlanJson).concerns
      .filter(({ severity }) => severity === "blocker")
      .map(({ code, machine = "", message }) => `${code} ${machine}: ${message}`);
  }

  function has(found: readonly string[], pattern: RegExp): void {
    assert.ok(
      found.some((line) => pattern.test(line)),
      `${pattern.source} is not in\n${found.join("\n")}`,
    );
  }

  it("has nothing against machines as they should be", async () => {
    assert.deepEqual(await concerns(), []);
  });

  it("names every fault with its machine before anything is changed, and leaves what is not ours", async () => {
    await on("beta", `printf '%s' "${FOREIGN}" >${CONF}`);
    await on("beta", `cp ${PACKAGES} /root/packages && sed -i '${NOT_INSTALLED}' ${PACKAGES}`);
    await on("beta", "systemctl stop chrony; date --set=+90seconds");
    await on("alpha", SLOW_BACKPLANE);
    await on("beta", `printf '#!/bin/sh\\necho 9.2.8\\n' >/usr/local/sbin/modinfo && chmod +x /usr/local/sbin/modinfo`);
    for (const name of HOSTS) await on(name, "touch /root/before");

    const config = await withWrongPassword("alpha");
    const { status, stdout } = await rehome("cluster init", "--config", config, "--json");
    assert.equal(status, BLOCKED, stdout.slice(0, 2000));
    const { error } = JSON.parse(stdout) as Refusal;
    assert.equal(error.code, "cluster-blocked");
    const found = (error.output ?? "").split("\n");
    has(found, /^alpha: .*192\.0\.2\.111.*\[bmc-(refused|silent)\]/);
    has(found, /^beta: .*corosync\.conf is the configuration of another cluster.*warehouse.*\[file-foreign\]/);
    has(found, /^beta: not installed: corosync-qdevice \[package-missing\]/);
    has(found, /the clock of beta is 1 min.* ahead of that of alpha \[clock-differs\]/);
    has(found, /backplane carries [\d.]+ .*\[backplane-too-slow\]/);
    has(found, /alpha has DRBD 8\.4\.\d+, beta has DRBD 9\.2\.8 \[drbd-differs\]/);
    assert.ok(!stdout.includes("not-the-password"));
    log(`refused: ${found.length} blockers`);

    for (const name of HOSTS) {
      const changed = await on(name, "find /etc /root/.ssh /var/lib/corosync -newer /root/before -type f");
      assert.equal(changed.replace(/^\/etc\/(adjtime|lvm\/.*)\n/gm, ""), "", `${name} was changed`);
      assert.equal((await on(name, "vgs --noheadings")).trim(), "");
    }
    assert.equal(await on("beta", `cat ${CONF}`), FOREIGN);

    await on("alpha", "tc qdisc del dev enp0s4 root");
    await on(
      "beta",
      `cp /root/packages ${PACKAGES}; rm /usr/local/sbin/modinfo ${CONF}; date --set=-90seconds; systemctl start chrony`,
    );
  });

  it("names a tie-breaker that is lost before", async () => {
    await cluster.machine(ARBITRATOR).cutLink("lan");
    has(await concerns(), /^machine-unreachable arb: /);
    await cluster.machine(ARBITRATOR).restoreLink("lan");
  });

  it("names the host whose power goes while it works, and finishes when it is back", async function () {
    this.timeout(TWO_INITS_MS);
    const beta = cluster.machine("beta");
    const { status, output, begun } = await initDisturbed(
      cluster,
      ({ machine, step }) => machine === "beta" && step.includes("lvmlocal.conf"),
      () => beta.cutPower(),
    );
    assert.ok(status !== undefined && status !== 0, output);
    const { error } = JSON.parse(output.slice(output.indexOf("{"))) as Refusal & { error: { where?: object } };
    assert.match(JSON.stringify(error), /beta/);
    log(`after ${begun.length} steps: ${error.code}, ${error.message}`);

    await beta.powerOn();
    await beta.waitForSsh(BOOT_MS);
    assert.ok((await cluster.rehome<InitResult>("cluster init")).changed > 0);
    await cluster.settled();
    assert.equal((await cluster.rehome<InitResult>("cluster init")).changed, 0);
  });
});
