import assert from "node:assert/strict";
import { appendFile, chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localHost } from "../../../src/lib/host/local-host.js";
import type { Host } from "../../../src/lib/host/types.js";
import { parseAnswers } from "../../../src/migrators/xen/control/answers.js";
import type { ControlledDomain } from "../../../src/migrators/xen/control/domain.js";
import { prove, requireOff, shutDown } from "../../../src/migrators/xen/control/proof.js";
import { parseDomainTable } from "../../../src/migrators/xen/parse/domain-table.js";

const HEAD = "Name                                        ID   Mem VCPUs\tState\tTime(s)\n";
const DOM0 = "Domain-0                                     0  1024     1     r-----     446.4\n";
const WEB1 = "web1                                         7   224     1     -b----      92.6\n";
const OPEN = `/local/domain/0/backend/vbd = ""
/local/domain/0/backend/vbd/7/51713/params = "phy:DISK"
/local/domain/0/backend/vbd/7/51713/state:
`;
/** A host on which a domain goes down a moment after its tool has waited for it. */
const XL = `#!/bin/sh
cd "\${0%/*}"
case $1 in
list) cat list ;;
domname)
  echo asked >>domname
  [ "$(wc -l <domname)" -gt 2 ] && grep -v '^web1' list >list.new && mv list.new list && : >store
  grep -q "  $2  " list
  ;;
shutdown) [ "$*" = "shutdown -w -- 7" ] && echo "a halt takes a moment" ;;
esac
`;
const STORE = `#!/bin/sh
[ "$*" = "-f /local/domain/0/backend" ] || exit 2
cd "\${0%/*}"
[ ! -e no-socket ] || { echo "xenstore-ls: xs_open: No such file or directory" >&2; exit 1; }
[ -s store ] && cat store && [ ! -e vanished ] && exit
echo "xenstore-ls: xs_directory (/local/domain/0/backend): No such file or directory" >&2
exit 1
`;

for (const shell of ["dash", "bash", "busybox sh"]) {
  describe(`a domain's state by one program (${shell})`, () => {
    let folder: string;
    let domain: ControlledDomain;
    let host: Host;
    let programs: number;

    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), "rehome proof-"));
      const path = join(folder, "a disk.img");
      domain = {
        name: "web1",
        tool: "xl",
        configPath: "/etc/xen/web1.cfg",
        disks: [{ device: "xvda1", path, backend: "file", writable: true, cdrom: false }],
      };
      await put("a disk.img", "data");
      await put("list", HEAD + DOM0 + WEB1);
      await put("store", OPEN.replace("DISK", path));
      for (const [name, text] of [
        ["xl", XL],
        ["xenstore-ls", STORE],
      ] as const) {
        await put(name, text);
        await chmod(join(folder, name), 0o755);
      }
      const local = localHost();
      programs = 0;
      host = {
        ...local,
        run: ([program, ...rest], options) => {
          assert.equal(program, "sh");
          programs += 1;
          const env = { ...options?.env, PATH: `${folder}:${process.env["PATH"] ?? ""}` };
          return local.run([...shell.split(" "), ...rest], { ...options, env });
        },
      };
    });
    afterEach(() => rm(folder, { recursive: true }));

    function put(name: string, text: string): Promise<void> {
      return writeFile(join(folder, name), text);
    }

    it("says that it runs, by which id, and which disks are open", async () => {
      const proof = await prove(host, domain);
      assert.deepEqual([proof.id, proof.open], [7, [domain.disks[0]?.path]]);
      assert.match(proof.writes, /^[0-9a-f-]{36}; \d+ 4 \d{4}-/);
      await assert.rejects(requireOff(host, domain), { code: "source-alive" });
    });

    it("says that it is off, and whether it was written to since", async () => {
      await put("list", HEAD + DOM0);
      await put("store", "");
      const { writes } = await requireOff(host, domain);
      assert.equal((await requireOff(host, domain)).writes, writes);
      await appendFile(domain.disks[0]?.path ?? "", "more");
      assert.notEqual((await requireOff(host, domain)).writes, writes);
    });

    it("is reached by one program that shuts it down and waits until it is gone", async () => {
      const proof = await shutDown(host, domain, 7, 60_000);
      assert.deepEqual([proof.id, proof.open, programs], [undefined, [], 1]);
    });

    it("is not off where the list of what is open ends early", async () => {
      await put("list", HEAD + DOM0);
      await put("vanished", ""); // before Xen 4.6 xenstore-ls ends with an error when a key goes while it lists
      const end = '/local/domain/0/backend/vbd/7 = ""\n';
      for (const store of [OPEN.replace("DISK", domain.disks[0]?.path ?? ""), end]) {
        await put("store", store);
        await assert.rejects(prove(host, domain), { code: "command-failed" });
      }
    });

    it("is not off while the host does not tell what it has open", async () => {
      await put("list", HEAD + DOM0);
      await put("store", "/local/domain/0/backend/vbd/7/51713/params:\n");
      assert.equal((await prove(host, domain)).open.length, 1);
    });

    it("is off when another domain's drive is empty, or has the same disc", async () => {
      const drive = { device: "xvdc", backend: "file", writable: false, cdrom: true } as const;
      const disks = [...domain.disks, { ...drive, path: "" }, { ...drive, path: "/srv/debian.iso" }];
      await put("list", HEAD + DOM0);
      const params = ["", "aio:", "aio:/srv/debian.iso"];
      const line = (value: string, at: number): string => `/local/domain/0/backend/qdisk/9/${at}/params = "${value}"\n`;
      await put("store", params.map(line).join(""));
      assert.deepEqual((await prove(host, { ...domain, disks })).open, []);
    });

    it("never shuts down another run than the one that was meant", async () => {
      await put("list", HEAD + DOM0 + WEB1.replace(" 7 ", " 9 "));
      await assert.rejects(shutDown(host, domain, 6, 60_000), { code: "cutover-stale" });
    });

    it("is never off when the host does not say so in whole sentences", async () => {
      const whole = { list: HEAD + DOM0, store: "" };
      const broken: readonly (readonly [string, Partial<typeof whole>])[] = [
        ["output-unreadable", { list: "" }],
        ["output-unreadable", { list: HEAD }],
        ["output-unreadable", { list: DOM0 }],
        ["output-unreadable", { list: `${HEAD}${DOM0}web1      224     1     -b----      92.6\n` }],
        ["output-unreadable", { list: `${HEAD}${DOM0}web1                              7\n` }],
        ["output-unreadable", { store: "libxl: error\n" }],
        ["output-unreadable", { store: '/local/domain/0/backend/vbd/7/51713/params = "/dev/x\n' }],
      ];
      for (const [code, said] of broken) {
        for (const [name, text] of Object.entries({ ...whole, ...said })) await put(name, text);
        await assert.rejects(prove(host, domain), { code }, JSON.stringify(said));
      }
      for (const [name, text] of Object.entries(whole)) await put(name, text);
      await prove(host, domain);
      await rm(domain.disks[0]?.path ?? "");
      await assert.rejects(prove(host, domain), { code: "command-failed", message: /^stat / });
      await put("a disk.img", "data");
      await put("no-socket", "");
      await assert.rejects(prove(host, domain), { code: "command-failed", output: /xs_open/ });
      await rm(join(folder, "no-socket"));
      for (const [name, what] of [
        ["xenstore-ls", "xenstore-ls is not installed"],
        ["xl", "xl is not installed"],
      ] as const) {
        await rm(join(folder, name));
        await assert.rejects(prove(host, domain), { code: "command-failed", message: what });
      }
    });
  });
}

describe("answers of several programs run by one shell", () => {
  const whole = "\nm one\na\n\nm ended 0\n\nm two\n\nm ended 3\noh\nm end\n";

  it("are all of them, or none", () => {
    assert.deepEqual(parseAnswers(whole, "m", ["one", "two"]), {
      one: { exitCode: 0, stdout: "a\n", stderr: "" },
      two: { exitCode: 3, stdout: "", stderr: "oh" },
    });
    for (let length = 0; length < whole.length; length += 1) {
      assert.equal(parseAnswers(whole.slice(0, length), "m", ["one", "two"]), undefined, String(length));
    }
    assert.equal(parseAnswers(`x${whole}`, "m", ["one", "two"]), undefined);
    assert.equal(parseAnswers(whole, "m", ["two", "one"]), undefined);
    assert.equal(parseAnswers(whole, "m", ["one"]), undefined);
    assert.equal(parseAnswers(whole, "other", ["one", "two"]), undefined);
  });
});

describe("a list of domains", () => {
  it("has those that xend keeps while they are off only from xm", () => {
    const list = `${HEAD}${DOM0}${WEB1}mail                                           256     1                 0.0\n`;
    assert.deepEqual(
      parseDomainTable(list, "xm")?.map(({ name, id }) => [name, id]),
      [
        ["Domain-0", 0],
        ["web1", 7],
      ],
    );
    assert.equal(parseDomainTable(list, "xl"), undefined);
  });
});
