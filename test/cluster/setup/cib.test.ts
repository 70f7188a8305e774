import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { configureCluster } from "../../../src/cluster/setup/cib/base.js";
import { descendantsOf, parseXml, writeXml, type XmlElement } from "../../../src/lib/xml.js";
import { bareCib, CAPACITIES } from "./cib.js";
import { exampleCluster } from "./example.js";

function configured(kind: "qdevice" | "member"): XmlElement {
  return configureCluster(exampleCluster(kind), CAPACITIES)(bareCib(kind));
}

function value(root: XmlElement, owner: string, name: string): string | undefined {
  const found = descendantsOf(root, "nvpair").find(({ attributes }) => attributes["id"] === `${owner}-${name}`);
  return found?.attributes["value"];
}

/** What one of Pacemaker's programs says of a CIB. */
function pacemaker(program: string, argv: readonly string[], cib: XmlElement): string {
  const folder = mkdtempSync(join(tmpdir(), "rehome-cib-"));
  try {
    const path = join(folder, "cib.xml");
    writeFileSync(path, writeXml(cib));
    const { status, stdout, stderr, error } = spawnSync(program, [...argv, "-x", path], { encoding: "utf8" });
    assert.equal(error, undefined);
    assert.equal(status, 0, stderr);
    return stdout + stderr;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Where resources run when the cluster has done all it wants: `fence-alpha Started beta`. */
function settled(cib: XmlElement, change: readonly string[] = []): string {
  const text = pacemaker("crm_simulate", ["-S", ...change], cib);
  return text.slice(text.indexOf("Revised Cluster Status"));
}

/** A guest of VirtualDomain as registered: no constraint of its own. */
function withGuest(cib: XmlElement): XmlElement {
  return parseXml(
    writeXml(cib).replace(
      "</resources>",
      '<primitive id="web1" class="ocf" provider="heartbeat" type="VirtualDomain"><meta_attributes id="web1-meta"><nvpair id="web1-p" name="priority" value="10"/></meta_attributes></primitive></resources>',
    ),
    "with a guest",
  );
}

describe("the CIB of a new cluster", () => {
  for (const kind of ["qdevice", "member"] as const) {
    it(`is what Pacemaker takes without a word, with a ${kind}`, () => {
      assert.equal(pacemaker("crm_verify", ["-V"], configured(kind)).trim(), "");
    });

    it(`stays the very same when it is made again, with a ${kind}`, () => {
      const once = configured(kind);
      assert.equal(configureCluster(exampleCluster(kind), CAPACITIES)(once), once);
      const read = parseXml(writeXml(once), "again");
      assert.equal(configureCluster(exampleCluster(kind), CAPACITIES)(read), read);
    });
  }

  it("fences by switching off and on, and never by the host itself", () => {
    const text = settled(configured("qdevice"));
    assert.match(text, /fence-alpha\s+\(stonith:fence_ipmilan\):\s+Started beta/);
    assert.match(text, /fence-beta\s+\(stonith:fence_ipmilan\):\s+Started alpha/);
    const cib = configured("qdevice");
    assert.equal(value(cib, "fence-alpha-ia", "method"), "onoff");
    assert.equal(value(cib, "fence-beta-ia", "ip"), "10.0.0.202");
    assert.equal(value(cib, "fence-beta-ia", "ipport"), "6230");
    assert.doesNotMatch(writeXml(cib), /passwd|name="password"/);
  });

  it("delays the fencing of the first of two hosts, and none of three members", () => {
    assert.equal(value(configured("qdevice"), "fence-alpha-ia", "pcmk_delay_base"), "2s");
    assert.equal(value(configured("qdevice"), "fence-beta-ia", "pcmk_delay_base"), undefined);
    assert.equal(value(configured("member"), "fence-alpha-ia", "pcmk_delay_base"), undefined);
    assert.equal(value(configured("member"), "cib-bootstrap-options", "priority-fencing-delay"), undefined);
  });

  it("gives guests what the reserve leaves, times the over-commit", () => {
    const cib = configured("qdevice");
    assert.equal(value(cib, "nodes-1-utilization", "cpu"), "32");
    assert.equal(value(cib, "nodes-1-utilization", "hv_memory"), `${32 * 1024}`);
    assert.equal(value(cib, "nodes-2-utilization", "hv_memory"), `${16 * 1024}`);
  });

  it("recovers a guest after fencing, and needs no arbitrator for it", () => {
    const before = withGuest(configured("qdevice"));
    assert.match(settled(before), /web1\s+\(ocf:heartbeat:VirtualDomain\):\s+Started alpha/);
    const text = pacemaker("crm_simulate", ["-S", "--node-fail", "alpha"], before);
    assert.match(text, /Fencing alpha \(reboot\)/);
    assert.match(text, /web1\s+\(ocf:heartbeat:VirtualDomain\):\s+Started beta/);
  });

  it("keeps guests from a full member that only votes, even when no host is left", () => {
    const before = withGuest(configured("member"));
    const running = settled(before);
    assert.match(running, /web1\s+\(ocf:heartbeat:VirtualDomain\):\s+Started (alpha|beta)/);
    assert.match(running, /Clone Set: cl-ping \[ping\]:[^C]*Started: \[ alpha arb beta \]/);
    assert.match(running, /fence-arb\s+\(stonith:fence_ipmilan\):\s+Started (alpha|beta)/);
    const alone = settled(before, ["--node-fail", "alpha", "--node-fail", "beta"]);
    assert.match(alone, /web1\s+\(ocf:heartbeat:VirtualDomain\):\s+Stopped/);
    const actions = pacemaker("crm_simulate", ["-S"], before);
    assert.doesNotMatch(actions, /web1\s+monitor on arb/);
  });

  it("keeps what an administrator has added", () => {
    const own = parseXml(
      writeXml(configured("qdevice")).replace(
        "</cluster_property_set>",
        '<nvpair id="own" name="maintenance-mode" value="true"/></cluster_property_set>',
      ),
      "own",
    );
    assert.equal(configureCluster(exampleCluster(), CAPACITIES)(own), own);
  });
});
