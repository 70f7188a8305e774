import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localHost } from "../../../src/lib/host/local-host.js";
import { disableAutostart, enableAutostart, requireNoOtherStarter } from "../../../src/migrators/xen/control/domain.js";
import { gatherXenHost } from "../../../src/migrators/xen/gather.js";
import { FakeHost } from "../../helpers/fake-host.js";

for (const shell of ["dash", "bash", "busybox sh"]) {
  describe(`what starts with a Xen host (${shell})`, () => {
    let folder: string;
    let host: FakeHost;

    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), "rehome-auto-"));
      await mkdir(join(folder, "auto"));
      const programs: readonly string[] = [...shell.split(" "), "-c"];
      // what is below /etc/xen is in the folder, and done for real
      const reallyIn = async ({ argv }: { readonly argv: readonly string[] }) =>
        localHost().run([
          ...programs,
          ...argv.slice(2).map((word) => word.replaceAll(/\/etc\/(xen|libvirt)/g, folder)),
        ]);
      host = new FakeHost("dom0")
        .on(/rehome-disabled|head -c 300000|on_xend_start/, async (call) => {
          const { exitCode, stdout, stderr } = await reallyIn(call);
          return { exitCode, stdout: stdout.replaceAll(folder, "/etc/xen"), stderr };
        })
        .on(["xl", "list", "-l"], "[]")
        .on(["xl", "list"], "Name    ID   Mem VCPUs\tState\tTime(s)\n")
        .on(["xl", "info"], "")
        .on(/^(uname|cat|sh|xm) /, "x\n");
      await write("web1.cfg", "web1");
      await write("web10.cfg", "web10");
      await symlink("../web10.cfg", join(folder, "auto", "web10.cfg"));
    });
    afterEach(() => rm(folder, { recursive: true }));

    async function write(file: string, name: string): Promise<void> {
      await writeFile(join(folder, file), `# name = "none"\nvcpus = 1\nname    = '${name}' # its name\nmemory = 224\n`);
    }

    async function startWithHost(): Promise<readonly string[]> {
      const { domains } = await gatherXenHost(host);
      return domains.filter(({ autostart }) => autostart).map(({ name }) => name);
    }

    const domain = { name: "web1", tool: "xl", configPath: "/etc/xen/web1.cfg", disks: [] } as const;

    const ways: Readonly<Record<string, () => Promise<void>>> = {
      "by a relative link": () => symlink("../web1.cfg", join(folder, "auto", "one.cfg")),
      "by a file of its own": () => write("auto/one.cfg", "web1"),
      "by a link to where its file really is": async () => {
        await mkdir(join(folder, "kept"));
        await rename(join(folder, "web1.cfg"), join(folder, "kept", "web1.cfg"));
        await symlink("kept/web1.cfg", join(folder, "web1.cfg"));
        await symlink("../kept/web1.cfg", join(folder, "auto", "one.cfg"));
      },
    };
    for (const [how, arrange] of Object.entries(ways)) {
      it(`is a domain that is started ${how}, until that is taken away`, async () => {
        await arrange();
        assert.deepEqual(await startWithHost(), ["web1", "web10"]);
        assert.deepEqual(await disableAutostart(host, domain), ["one.cfg"]);
        assert.deepEqual(await disableAutostart(host, domain), []);
        assert.deepEqual(await startWithHost(), ["web10"]);
        assert.deepEqual(await enableAutostart(host, domain), ["one.cfg"]);
        assert.deepEqual(await startWithHost(), ["web1", "web10"]);
        assert.deepEqual((await readdir(folder)).includes("rehome-disabled"), false);
      });
    }

    it("is told of a domain that xend would not start, too", async () => {
      await symlink("../web1.cfg", join(folder, "auto", "web1.cfg"));
      const xm = new FakeHost("dom0")
        .on(["xl", "list", "-l"], { exitCode: 127 })
        .on(["xm", "list", "-l"], "(domain (domid 3) (name web1) (on_xend_start ignore))\n")
        .on(
          (argv) => argv[0] !== "xl",
          ({ argv }) => host.run(argv),
        );
      const { domains, toolstack } = await gatherXenHost(xm);
      assert.equal(toolstack, "xm");
      assert.deepEqual(
        domains.map(({ name, autostart }) => [name, autostart]),
        [
          ["web1", true],
          ["web10", true],
        ],
      );
    });

    it("is not what libvirt starts besides", async () => {
      await requireNoOtherStarter(host, domain);
      await mkdir(join(folder, "libxl", "autostart"), { recursive: true });
      await symlink("../web1.xml", join(folder, "libxl", "autostart", "web10.xml"));
      await requireNoOtherStarter(host, domain);
      await writeFile(join(folder, "libxl", "autostart", "web1.xml"), "<domain/>");
      await assert.rejects(requireNoOtherStarter(host, domain), { code: "source-unsupported", message: /^libvirt/ });
    });
  });
}
