import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hostDomains } from "../../../src/cluster/replicated-guest/hosts.js";
import { localHost } from "../../../src/lib/host/local-host.js";
import type { Host } from "../../../src/lib/host/types.js";

/** libvirt's own test driver: real virsh, and domains that are only in its memory. */
const NODE = `<node>
  <domain type='test'><name>db1</name><uuid>11111111-1111-4111-8111-111111111111</uuid><memory>8192</memory>
    <os><type>hvm</type></os>
    <devices><disk type='block' device='disk'><source dev='/dev/drbd10'/><target dev='vda' bus='virtio'/></disk></devices>
  </domain>
  <domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'><name>web1</name>
    <uuid>22222222-2222-4222-8222-222222222222</uuid><memory>8192</memory><os><type>hvm</type></os>
    <test:runstate>5</test:runstate>
  </domain>
  <domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'><name>web2</name>
    <uuid>33333333-3333-4333-8333-333333333333</uuid><memory>8192</memory><os><type>hvm</type></os>
    <test:transient>1</test:transient>
  </domain>
</node>`;

/** virsh with a fault: what is listed is told as `edit` makes it. */
function faulty(folder: string, script: string): Host {
  const host = localHost("alpha");
  writeFileSync(join(folder, "virsh"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const env = { PATH: `${folder}:${process.env["PATH"] ?? ""}` };
  return { ...host, run: (argv, options) => host.run(argv, { ...options, env: { ...options?.env, ...env } }) };
}

describe("the domains that libvirt has on a host", () => {
  let folder: string;
  let libvirt: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "rehome-domains-"));
    writeFileSync(join(folder, "node.xml"), NODE);
    libvirt = `test://${join(folder, "node.xml")}`;
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("are all told, with what is kept and what runs", async () => {
    const found = await hostDomains(localHost("alpha"), libvirt);
    assert.deepEqual(
      found.map(({ name, running, defined, disks }) => ({ name, running, defined, disks })),
      [
        { name: "db1", running: true, defined: true, disks: ["/dev/drbd10"] },
        { name: "web1", running: false, defined: true, disks: [] },
        { name: "web2", running: true, defined: false, disks: [] },
      ],
    );
  });

  it("are told whatever their description is", async () => {
    const text = "two lines\n--\n</domain>".replace("<", "&lt;");
    const described = NODE.replace("<name>db1</name>", `<name>db1</name><description>${text}</description>`);
    writeFileSync(join(folder, "node.xml"), described);
    const names = (await hostDomains(localHost("alpha"), libvirt)).map(({ name }) => name);
    assert.deepEqual(names, ["db1", "web1", "web2"]);
  });

  it("are told by a host whose locale was never made, which virsh complains of", async () => {
    const local = localHost("alpha");
    const host: Host = {
      ...local,
      run: (argv, options) => local.run(argv, { ...options, env: { LC_ALL: "xx_YY.UTF-8", ...options?.env } }),
    };
    assert.equal((await hostDomains(host, libvirt)).length, 3);
  });

  it("are none where there is none", async () => {
    writeFileSync(join(folder, "node.xml"), "<node/>");
    assert.deepEqual(await hostDomains(localHost("alpha"), libvirt), []);
  });

  it("that are gone meanwhile are left out", async () => {
    const gone = faulty(
      folder,
      `case "$4" in *dumpxml*) set -- "$1" "$2" "$3" "$(echo "$4" | sed 's/dumpxml 2/dumpxml 9/')" ;; esac
exec /usr/bin/virsh "$@" | if [ "\${4#dumpxml}" != "$4" ]; then grep -v ^2222; else cat; fi`,
    );
    assert.deepEqual(
      (await hostDomains(gone, libvirt)).map(({ name }) => name),
      ["db1", "web2"],
    );
  });

  it("are unknown, and not none, when libvirt does not answer, does not list them, or does not tell one", async () => {
    await assert.rejects(hostDomains(localHost("alpha"), "test:///nonexistent.xml"), { code: "command-failed" });
    const first = faulty(
      folder,
      `case "$4" in *persistent*) echo "error: Disconnected" >&2; exit 0 ;; esac; exec /usr/bin/virsh "$@"`,
    );
    await assert.rejects(hostDomains(first, libvirt), { code: "command-failed", output: /Disconnected/ });
    const one = faulty(folder, `exec /usr/bin/virsh "$1" "$2" "$3" "$(echo "$4" | sed 's/dumpxml 2/dumpxml 9/')"`);
    await assert.rejects(hostDomains(one, libvirt), { code: "output-unreadable", message: /22222222/ });
    const second = faulty(folder, `case "$4" in *dumpxml*) exit 1 ;; esac; exec /usr/bin/virsh "$@"`);
    await assert.rejects(hostDomains(second, libvirt), { code: "command-failed" });
  });
});
