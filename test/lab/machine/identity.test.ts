import assert from "node:assert/strict";
import { machineSpec } from "../machines.js";
import { identityFiles } from "./identity.js";

describe("the identity of a machine of the lab", () => {
  it("puts the address of a host of guests on its bridge, the one of the backplane on its NIC", () => {
    const files = identityFiles(machineSpec("beta"));
    assert.equal(files["etc/hostname"], "beta\n");
    assert.equal(files["etc/systemd/network/enp0s3.network"], "[Match]\nName=enp0s3\n\n[Network]\nBridge=br0\n");
    assert.match(files["etc/systemd/network/br0.network"] ?? "", /^Address=192\.0\.2\.12\/24\nGateway=192\.0\.2\.1$/m);
    assert.match(files["etc/systemd/network/enp0s4.network"] ?? "", /^Address=10\.255\.0\.12\/24$/m);
    assert.doesNotMatch(files["etc/systemd/network/enp0s4.network"] ?? "", /Gateway/);
  });

  it("gives the tie-breaker no bridge", () => {
    const files = identityFiles(machineSpec("arb"));
    assert.match(files["etc/systemd/network/enp0s3.network"] ?? "", /^Address=192\.0\.2\.13\/24$/m);
    assert.ok(!Object.keys(files).some((path) => path.includes("br0")));
  });
});
