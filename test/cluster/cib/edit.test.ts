import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkCib, parseCib } from "../../../src/cluster/cib/check.js";
import { findResource, initialCib, putResource, removeResource, setProperty } from "../../../src/cluster/cib/edit.js";
import { fileCib } from "../../../src/cluster/cib/store.js";
import { setTransientAttribute, transientAttributes } from "../../../src/cluster/cib/status.js";
import { withAttributes } from "../../../src/cluster/cib/tree.js";
import {
  cleanUp,
  inTurn,
  setMaintenance,
  setManaged,
  setStandby,
  setTargetRole,
} from "../../../src/cluster/control.js";
import { guestPrimitive } from "../../../src/cluster/guest-resource.js";
import { clusterPaths, type ClusterPaths } from "../../../src/cluster/paths.js";
import { RehomeError } from "../../../src/lib/errors.js";
import { writeXml, type XmlElement } from "../../../src/lib/xml.js";

const guest = guestPrimitive(
  {
    name: "web1",
    domainPath: "/var/lib/rehome/domains/web1.xml",
    libvirt: "qemu:///system",
    vcpus: 2,
    memory: 2 ** 31,
  },
  "Stopped",
);

function refusal(text: string): RehomeError {
  try {
    parseCib(text, "cib.xml");
  } catch (thrown) {
    if (thrown instanceof RehomeError) return thrown;
    throw thrown;
  }
  throw new Error("was not refused");
}

describe("a CIB that is made and edited", () => {
  let folder: string;
  let paths: ClusterPaths;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "rehome-cib-"));
    paths = clusterPaths(folder);
  });
  afterEach(() => rm(folder, { recursive: true }));

  const verify = async (cib: XmlElement): Promise<string> => {
    const path = join(folder, "verify.xml");
    await writeFile(path, writeXml(cib));
    const result = spawnSync("crm_verify", ["-V", "-x", path], { encoding: "utf8" });
    return result.status === 0 ? "valid" : result.stderr;
  };

  const edits: Readonly<Record<string, (cib: XmlElement) => XmlElement>> = {
    "without resources": (cib) => cib,
    "with a guest": (cib) => putResource(cib, guest),
    "with a guest to be started": inTurn((cib) => putResource(cib, guest), setTargetRole("web1", "Started")),
    "with an unmanaged guest": inTurn((cib) => putResource(cib, guest), setManaged("web1", false)),
    "with a node on standby": setStandby("node1", true),
    "with a node in maintenance": setMaintenance("node1", true),
    "in maintenance mode": setMaintenance(undefined, true),
    "with a property set twice": (cib) => setProperty(setProperty(cib, "batch-limit", "1"), "batch-limit", "2"),
    "with transient attributes": (cib) =>
      setTransientAttribute(cib, { id: "1", name: "node1" }, "fail-count-web1#monitor_10000", "1"),
  };
  for (const [what, edit] of Object.entries(edits)) {
    it(`${what} is valid to Debian's crm_verify and to our own check`, async () => {
      const cib = edit(initialCib("node1"));
      assert.equal(await verify(cib), "valid");
      assert.deepEqual(checkCib(cib), []);
    });
  }

  it("is what it was when a resource is added and removed", () => {
    const cib = initialCib("node1");
    assert.equal(writeXml(removeResource(putResource(cib, guest), "web1")), writeXml(cib));
  });

  it("loses a removed resource's constraints and history too", () => {
    const cib = parseCib(
      `<cib><configuration><crm_config/><nodes><node id="1" uname="n"/></nodes>
        <resources><primitive id="a" class="ocf" provider="p" type="t"/><primitive id="b" class="ocf" provider="p" type="t"/></resources>
        <constraints><rsc_order id="o1" first="a" then="b"/><rsc_location id="l1" rsc="b" node="n" score="1"/>
          <rsc_order id="o2"><resource_set id="s"><resource_ref id="a"/><resource_ref id="b"/></resource_set></rsc_order></constraints>
       </configuration><status><node_state id="1"><lrm id="1"><lrm_resources><lrm_resource id="a"/><lrm_resource id="b"/></lrm_resources></lrm></node_state></status></cib>`,
      "cib.xml",
    );
    const text = writeXml(removeResource(cib, "a"));
    assert.equal(/"a"/.test(text), false, text);
    assert.ok(text.includes('id="l1"'));
  });

  it("forgets failures of one resource only", () => {
    const node = { id: "1", name: "node1" };
    const failed = ["web1", "web10"].reduce(
      (cib, id) => setTransientAttribute(cib, node, `fail-count-${id}#start_0`, "INFINITY"),
      putResource(initialCib("node1"), guest),
    );
    assert.deepEqual(Object.keys(transientAttributes(cleanUp("web1")(failed), "1")), ["fail-count-web10#start_0"]);
  });

  it("does not change when an edit says what it says already", () => {
    const cib = setStandby("node1", true)(initialCib("node1"));
    assert.equal(setStandby("node1", true)(cib), cib);
  });

  it("names a resource and a node that it does not have", () => {
    const cib = initialCib("node1");
    assert.throws(
      () => setTargetRole("nope", "Started")(cib),
      (error) => error instanceof RehomeError && error.code === "resource-unknown" && error.message.includes("nope"),
    );
    assert.throws(
      () => setStandby("nope", true)(cib),
      (error) => error instanceof RehomeError && error.code === "node-unknown" && error.message.includes("nope"),
    );
  });

  describe("in its file", () => {
    const store = () => fileCib(paths, { client: "test", initial: () => initialCib("node1") });

    it("moves its version on as Pacemaker does", async () => {
      const configured = await store().update((cib) => putResource(cib, guest));
      assert.deepEqual([configured.attributes["epoch"], configured.attributes["num_updates"]], ["2", "0"]);
      const status = await store().update((cib) => setTransientAttribute(cib, { id: "1", name: "node1" }, "a", "1"));
      assert.deepEqual([status.attributes["epoch"], status.attributes["num_updates"]], ["2", "1"]);
    });

    it("is made even when there is nothing to change", async () => {
      await store().update((cib) => cib);
      const found = await fileCib(paths, { client: "test" }).read();
      assert.equal(found.name, "cib");
    });

    it("is read by Debian's cibadmin", async () => {
      await store().update((cib) => putResource(cib, guest));
      const shown = execFileSync("cibadmin", ["-Q", "-o", "resources"], {
        env: { ...process.env, CIB_file: paths.cib },
        encoding: "utf8",
      });
      assert.ok(shown.includes('type="VirtualDomain"'));
    });

    it("loses no change of several at once", async () => {
      await Promise.all(
        Array.from({ length: 10 }, (_, index) =>
          store().update((cib) => setTransientAttribute(cib, { id: "1", name: "node1" }, `a${index}`, "1")),
        ),
      );
      assert.equal(Object.keys(transientAttributes(await store().read(), "1")).length, 10);
    });

    it("stays as it is when a change is not sound", async () => {
      await store().update((cib) => putResource(cib, guest));
      const before = await readFile(paths.cib, "utf8");
      const broken = withAttributes(guest, { id: "2 odd id" });
      await assert.rejects(
        store().update((cib) => putResource(cib, broken)),
        (error) => error instanceof RehomeError && error.code === "cib-invalid" && error.message.includes("2 odd id"),
      );
      assert.equal(await readFile(paths.cib, "utf8"), before);
    });

    it("stays as it is when the disk is full", async function () {
      const mount = join(folder, "small");
      execFileSync("mkdir", [mount]);
      const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", mount]);
      if (mounted.status !== 0) {
        console.log("      skipped: mounting a small tmpfs takes root");
        this.skip();
      }
      try {
        const small = fileCib(clusterPaths(mount), { client: "test", initial: () => initialCib("node1") });
        await small.update((cib) => putResource(cib, guest));
        const before = await readFile(join(mount, "cib.xml"), "utf8");
        spawnSync("dd", ["if=/dev/zero", `of=${mount}/fill`, "bs=4k"]);
        await assert.rejects(
          small.update(setStandby("node1", true)),
          (error) => error instanceof RehomeError && error.code === "file-unwritable" && /ENOSPC/.test(error.message),
        );
        assert.equal(await readFile(join(mount, "cib.xml"), "utf8"), before);
        assert.deepEqual(
          (await readdir(mount)).filter((name) => name.includes("tmp")),
          [],
        );
      } finally {
        execFileSync("umount", [mount]);
      }
    });

    it("that is missing says what to do", async () => {
      await assert.rejects(
        fileCib(paths, { client: "test" }).read(),
        (error) => error instanceof RehomeError && error.code === "cib-missing" && error.remedy !== undefined,
      );
    });
  });
});

describe("a CIB that is refused", () => {
  const body = (resources: string, constraints = "", head = ""): string =>
    `<cib validate-with="pacemaker-3.9" ${head}>\n<configuration>\n<crm_config/>\n<nodes/>\n<resources>\n${resources}\n</resources>\n<constraints>${constraints}</constraints>\n</configuration>\n<status/>\n</cib>`;

  const cases: Readonly<Record<string, readonly [text: string, code: string, line: number, names: RegExp]>> = {
    "half-written": ["<cib>\n<configuration>\n<crm_", "xml-malformed", 3, /./],
    "another document": ["<domain/>", "cib-invalid", 1, /<domain>/],
    "without configuration": ["<cib>\n<status/></cib>", "cib-invalid", 1, /configuration/],
    "of a newer feature set": [body("", "", 'crm_feature_set="3.20.0"'), "cib-unsupported", 1, /3\.20\.0/],
    "of a newer schema": [body("").replace("3.9", "4.0"), "cib-unsupported", 1, /pacemaker-4\.0/],
    "an id twice": [
      body(
        '<primitive id="a" class="ocf" provider="p" type="t"/>\n<primitive id="a" class="ocf" provider="p" type="t"/>',
      ),
      ...(["cib-invalid", 7, /"a".*line 6/] as const),
    ],
    "an odd id": [body('<primitive id="a b;rm" class="ocf" provider="p" type="t"/>'), "cib-invalid", 6, /a b;rm/],
    "no class": [body('<primitive id="a" type="t"/>'), "cib-invalid", 6, /class/],
    "no provider": [body('<primitive id="a" class="ocf" type="t"/>'), "cib-invalid", 6, /provider/],
    "no kind of resource": [body('<thing id="a"/>'), "cib-invalid", 6, /<thing>/],
    "an epoch that is none": [body("", "", 'epoch="new"'), "cib-invalid", 1, /epoch/],
  };
  for (const [what, [text, code, line, names]] of Object.entries(cases)) {
    it(`because of ${what} names line and reason`, () => {
      const error = refusal(text);
      assert.deepEqual([error.code, error.where.line], [code, line], error.message);
      assert.match(error.message, names);
    });
  }

  it("is not for a constraint on nothing, which is a warning with its line", () => {
    const cib = parseCib(body("", '\n<rsc_location id="l" rsc="gone" node="n" score="1"/>'), "cib.xml");
    const [problem, ...others] = checkCib(cib);
    assert.deepEqual([problem?.severity, problem?.line, others.length], ["warning", 9, 0]);
    assert.match(problem!.message, /gone/);
    assert.equal(findResource(cib, "gone"), undefined);
  });
});
