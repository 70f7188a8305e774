import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { parseConfig } from "../../../src/lib/config/load.js";
import { RehomeError } from "../../../src/lib/errors.js";

const GOOD = `version: 1
cluster:
  name: office
  hosts:
    alpha:
      lan: 192.0.2.11
      backplane: 10.255.0.1
      bmc: { address: 192.0.2.21, user: fence, passwordFile: alpha.bmc }
    beta:
      lan: 192.0.2.12
      backplane: 10.255.0.2
      identity: keys/id
      bmc: { address: "192.0.2.22:6230", user: fence, passwordVariable: BETA_BMC }
  arbitrator: { name: arb, lan: 192.0.2.13 }
  gateways: [192.0.2.1]
`;

const MEMBER = GOOD.replace(
  "{ name: arb, lan: 192.0.2.13 }",
  "{ kind: member, name: arb, lan: 192.0.2.13, backplane: 10.255.0.3, bmc: { address: 192.0.2.23, user: fence, passwordFile: /run/arb } }",
);

function cluster(text: string): NonNullable<ReturnType<typeof parseConfig>["cluster"]> {
  return parseConfig(text, "/etc/rehome/rehome.yaml").cluster!;
}

function refused(text: string): string {
  try {
    parseConfig(text, "/etc/rehome/rehome.yaml");
  } catch (error) {
    assert.ok(error instanceof RehomeError);
    return `${error.message}\n${error.output ?? ""}`;
  }
  throw new assert.AssertionError({ message: "was accepted" });
}

describe("the cluster section of rehome.yaml", () => {
  it("is all that a file needs, and says the rest by itself", () => {
    const { arbitrator, volumeGroup, bridges, overcommit, reserve } = cluster(GOOD);
    assert.deepEqual(
      { kind: arbitrator.kind, volumeGroup, bridges, overcommit, reserve },
      {
        kind: "qdevice",
        volumeGroup: "vg_guests",
        bridges: ["br0"],
        overcommit: { cpus: 4, memory: 1 },
        reserve: { cpus: 1, memory: "2GiB" },
      },
    );
  });

  it("takes file names from its folder", () => {
    const { hosts } = cluster(GOOD);
    assert.equal(hosts["alpha"]?.bmc.passwordFile, "/etc/rehome/alpha.bmc");
    assert.equal(hosts["beta"]?.identity, "/etc/rehome/keys/id");
    assert.equal(cluster(MEMBER).arbitrator.bmc?.passwordFile, "/run/arb");
  });

  for (const [what, text, message] of [
    ["one host", GOOD.replace(/ {4}beta:(\n {6}.*)+\n/, ""), /hosts: .* must have two hosts/],
    ["a BMC without a password", GOOD.replace(", passwordFile: alpha.bmc", ""), /alpha\.bmc: must have just one of/],
    [
      "a BMC with two passwords",
      GOOD.replace("passwordFile: alpha.bmc", "passwordFile: alpha.bmc, passwordVariable: A"),
      /alpha\.bmc: must have just one of/,
    ],
    ["a password itself", GOOD.replace("passwordFile: alpha.bmc", "password: secret"), /unknown key "password"/],
    ["an address twice", GOOD.replace("10.255.0.2", "10.255.0.1"), /beta\.backplane: 10\.255\.0\.1 is what alpha has/],
    ["a gateway that is a host", GOOD.replace("192.0.2.1]", "192.0.2.12]"), /192\.0\.2\.12 is what beta has/],
    ["an arbitrator named as a host", GOOD.replace("name: arb", "name: beta"), /arbitrator\.name: beta is what beta/],
    ["a member without a BMC", MEMBER.replace(/, bmc: \{ address: 192.0.2.23[^}]*\}/, ""), /a full member needs "bmc"/],
    ["a member on one network", MEMBER.replace(", backplane: 10.255.0.3", ""), /a full member needs "backplane"/],
    ["no gateway", GOOD.replace("[192.0.2.1]", "[]"), /gateways/],
    ["a name for an IP address", GOOD.replace("lan: 192.0.2.11", "lan: alpha.example"), /must be an IP address/],
    ["a host name that is none", GOOD.replace("    beta:", "    be_ta:"), /must be a machine's own name/],
  ] as const) {
    it(`refuses ${what}`, () => {
      assert.match(refused(text), message);
    });
  }
});

describe("the cluster in the starter file", () => {
  it("is a valid one when its comment signs are taken away", async () => {
    const starter = await readFile(new URL("../../../templates/rehome.yaml.eta", import.meta.url), "utf8");
    const section = starter.slice(starter.indexOf("# cluster:")).replace(/^# ?/gm, "");
    const { hosts } = cluster(`version: 1\n${section}`);
    assert.deepEqual(Object.keys(hosts), ["alpha", "beta"]);
  });
});
