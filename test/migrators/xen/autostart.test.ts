import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readlink, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localHost } from "../../../src/lib/host/local-host.js";
import { disableAutostart, enableAutostart, requireNoOtherStarter } from "../../../src/migrators/xen/control/domain.js";
import { gatherXenHost } from "../../../src/migrators/xen/gather.js";
import { AUTO } from "../../../src/migrators/xen/parse/xendomains.js";
import { FakeHost } from "../../helpers/fake-host.js";

for (const shell of ["dash", "bash", "busybox sh"]) {
  describe(`what starts with a Xen host (${shell})`, () => {
    let folder: string;
    let host: FakeHost;

    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), "rehome-auto-"));
      await mkdir(join(folder, "auto"));
      const programs: readonly string[] = [...shell.split(" "), "-c"];
      // what is below /etc/xen, and the settings, are in the folder, and done for real
      const reallyIn = async ({ argv }: { readonly argv: readonly string[] }) =>
        localHost().run([
          ...programs,
          ...argv.slice(2).map((word) => word.replaceAll(/\/etc(\/xen|\/libvirt|(?=\/default|\/sysconfig))/g, folder)),
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
        assert.deepEqual(await disableAutostart(host, domain, [AUTO]), ["one.cfg"]);
        assert.deepEqual(await disableAutostart(host, domain, [AUTO]), []);
        assert.deepEqual(await startWithHost(), ["web10"]);
        assert.deepEqual(await enableAutostart(host, domain, [AUTO]), ["one.cfg"]);
        assert.deepEqual(await startWithHost(), ["web1", "web10"]);
        assert.deepEqual(await leftOver(), []);
      });
    }

    /** Has settings name a folder. */
    async function setUp(place: string, auto: string): Promise<void> {
      await mkdir(join(folder, place), { recursive: true });
      await writeFile(
        join(folder, place, "xendomains"),
        `XENDOMAINS_SAVE=/var/lib/xen/save\nXENDOMAINS_AUTO=${auto}\n`,
      );
    }

    async function leftOver(): Promise<readonly string[]> {
      return (await readdir(folder, { recursive: true })).filter((name) => name.includes("rehome-disabled"));
    }

    it("is what the settings of xendomains name, which is put aside and back there", async () => {
      await setUp("default", '"/etc/xen/own/start"');
      await mkdir(join(folder, "own", "start"), { recursive: true });
      await symlink("../web1.cfg", join(folder, "auto", "unused.cfg"));
      await symlink("../../web1.cfg", join(folder, "own", "start", "one.cfg"));
      assert.deepEqual(await startWithHost(), ["web1"]);
      const { folders } = (await gatherXenHost(host)).auto;
      assert.deepEqual(folders, ["/etc/xen/own/start"]);
      assert.deepEqual(await disableAutostart(host, domain, folders), ["one.cfg"]);
      assert.deepEqual(await startWithHost(), []);
      assert.deepEqual(await enableAutostart(host, domain, folders), ["one.cfg"]);
      assert.deepEqual(await startWithHost(), ["web1"]);
      assert.equal(await readlink(join(folder, "own", "start", "one.cfg")), "../../web1.cfg");
      assert.deepEqual(await leftOver(), []);
    });

    it("goes back to the folder that it came from, where there are two, or is a link", async () => {
      await setUp("default", "/etc/xen/other");
      await setUp("sysconfig", "/etc/xen/auto");
      await mkdir(join(folder, "far", "away"), { recursive: true });
      await symlink("far/away", join(folder, "other"));
      await symlink("../../web1.cfg", join(folder, "far", "away", "two.cfg"));
      await symlink("../web1.cfg", join(folder, "auto", "one.cfg"));
      const { folders } = (await gatherXenHost(host)).auto;
      assert.deepEqual(await disableAutostart(host, domain, folders), ["two.cfg", "one.cfg"]);
      assert.deepEqual(await startWithHost(), ["web10"]);
      assert.deepEqual(await enableAutostart(host, domain, folders), ["two.cfg", "one.cfg"]);
      assert.deepEqual(await readdir(join(folder, "far", "away")), ["two.cfg"]);
      assert.deepEqual(await readdir(join(folder, "auto")), ["one.cfg", "web10.cfg"]);
      assert.deepEqual(await leftOver(), []);
    });

    it("is not known where the settings are not understood, or cannot be read, and no window comes of it", async () => {
      await setUp("sysconfig", "$BASE/auto");
      const unclear = await gatherXenHost(host);
      assert.deepEqual(
        unclear.domains.map(({ autostart }) => autostart),
        [undefined, undefined],
      );
      assert.match(unclear.unknown.join(), /sysconfig\/xendomains:2: XENDOMAINS_AUTO=\$BASE\/auto/);
      await assert.rejects(requireNoOtherStarter(host, domain, unclear.auto), {
        code: "source-unsupported",
        message: "nobody can tell what starts with the host: XENDOMAINS_AUTO=$BASE/auto",
        where: { machine: "dom0", path: "/etc/xen/sysconfig/xendomains", line: 2 },
      });
      await rm(join(folder, "sysconfig"), { recursive: true });
      await mkdir(join(folder, "default", "xendomains"), { recursive: true });
      const { auto } = await gatherXenHost(host);
      await assert.rejects(requireNoOtherStarter(host, domain, auto), {
        code: "source-unsupported",
        message: /head: /,
      });
    });

    it("may not be the file that the domain is started from by hand, which stays where it is", async () => {
      const auto = { folders: ["/etc/xen/none", "/etc/xen/auto"] };
      await symlink("../web1.cfg", join(folder, "auto", "one.cfg"));
      await requireNoOtherStarter(host, domain, auto);
      await rm(join(folder, "auto", "one.cfg"));
      await rename(join(folder, "web1.cfg"), join(folder, "auto", "web1.cfg"));
      await symlink("auto/web1.cfg", join(folder, "web1.cfg"));
      await assert.rejects(requireNoOtherStarter(host, domain, auto), {
        code: "source-unsupported",
        message: /auto starts with the host, and web1 has its file there$/,
      });
    });

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
      await requireNoOtherStarter(host, domain, { folders: ["/etc/xen/auto"] });
      await mkdir(join(folder, "libxl", "autostart"), { recursive: true });
      await symlink("../web1.xml", join(folder, "libxl", "autostart", "web10.xml"));
      await requireNoOtherStarter(host, domain, { folders: ["/etc/xen/auto"] });
      await writeFile(join(folder, "libxl", "autostart", "web1.xml"), "<domain/>");
      await assert.rejects(requireNoOtherStarter(host, domain, { folders: ["/etc/xen/auto"] }), {
        code: "source-unsupported",
        message: /^libvirt/,
      });
    });
  });
}
