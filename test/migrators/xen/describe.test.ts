import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describeXenHost } from "../../../src/migrators/describe/xen-host.js";
import { gatherXenHost, isXenHost } from "../../../src/migrators/xen/gather.js";
import { parseConfigDomain } from "../../../src/migrators/xen/parse/config-domain.js";
import { FakeHost } from "../../helpers/fake-host.js";
import { FakeDom0 } from "./fake-dom0.js";

const fixture = (name: string): string => readFileSync(new URL(`../../fixtures/xen/${name}`, import.meta.url), "utf8");

describe("a Xen host", () => {
  it("is described by what runs and by the files of what is off", async () => {
    const dom0 = new FakeDom0();
    const running = await gatherXenHost(dom0.host);
    assert.deepEqual(describeXenHost(running), [
      "dom0: Xen 4.17.7 (xl), 1 domain",
      "",
      "web1: running, PV, 1 vCPU, 224 MiB, starts with the host",
      "  boots    /var/lib/xen/kernels/web1/vmlinuz, a file of the host",
      "  ramdisk  /var/lib/xen/kernels/web1/initrd.img",
      "  with     root=/dev/xvda1 ro console=hvc0 net.ifnames=0",
      "  file     /etc/xen/web1.cfg",
      "  disk     xvda1  phy  640 MiB  rw  /dev/xenvg/web1-root",
      "  network  00:16:3e:1a:00:15 on br0",
    ]);
    dom0.running = undefined;
    const off = await gatherXenHost(dom0.host);
    assert.deepEqual(
      off.domains.map(({ state, id, autostart }) => [state, id, autostart]),
      [["off", undefined, true]],
    );
    // otherwise the file says the same as the running domain
    const same = { state: "", id: 0, uuid: "" };
    assert.deepEqual({ ...off.domains[0], ...same }, { ...running.domains[0], ...same });
  });

  it("fits 80 columns, unless a single word is longer", () => {
    const parsed = parseConfigDomain("/etc/xen/mail.cfg", fixture("old-python.cfg"));
    assert.ok(parsed);
    const lines = describeXenHost({
      hostname: "dom0",
      bootId: "",
      version: undefined,
      toolstack: "xm",
      domains: [parsed.domain],
      auto: { folders: [] },
      unknown: parsed.unknown,
    });
    const long = lines.filter((line) => line.length > 80);
    assert.deepEqual(long, []);
  });

  it("that has no tool of Xen's says what was tried", async () => {
    const host = new FakeHost("old")
      .on(["xl", "list", "-l"], { exitCode: 127 })
      .on(["xm", "list", "-l"], { exitCode: 1, stderr: "Error: Unable to connect to xend\nmore\n" })
      .on(/^virsh /, { exitCode: 127 })
      .on(/^(sh|uname|cat) /, "");
    await assert.rejects(gatherXenHost(host), {
      code: "source-unsupported",
      output:
        "xl list -l: not installed\nxm list -l: Error: Unable to connect to xend (exit code 1)\nvirsh list: not installed",
    });
  });

  it("is told from a domain by its control domain's capabilities", async () => {
    const argv = ["grep", "-q", "control_d", "/proc/xen/capabilities"];
    assert.equal(await isXenHost(new FakeHost("dom0").on(argv, "")), true);
    assert.equal(await isXenHost(new FakeHost("other").on(argv, { exitCode: 2 })), false);
  });
});
