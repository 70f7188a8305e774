import assert from "node:assert/strict";
import { machineSpec } from "../machines.js";
import { identityFiles } from "./identity.js";

describe("the identity of a machine of the lab", () => {
  it("puts the address of a host of guests on its bridge, the one of the backplane on its NIC", () => {
    const files = identityFiles(machineSpec("beta"));
    assert.equal(files["etc/hostname"], "beta\n");
    assert.equal(
      files["etc/network/interfaces"],
      `auto lo
iface lo inet loopback

auto br0
iface br0 inet static
    address 192.0.2.12/24
    gateway 192.0.2.1
    bridge_ports enp0s3
    bridge_fd 0
    bridge_maxwait 0

auto enp0s4
iface enp0s4 inet static
    address 10.255.0.12/24
`,
    );
  });

  it("gives the tie-breaker no bridge", () => {
    const files = identityFiles(machineSpec("arb"));
    assert.match(files["etc/network/interfaces"] ?? "", /^iface enp0s3 inet static$/m);
    assert.doesNotMatch(files["etc/network/interfaces"] ?? "", /bridge/);
  });
});
