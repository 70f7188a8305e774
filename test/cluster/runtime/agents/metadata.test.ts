import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { metadataReader } from "../../../../src/cluster/runtime/agents/metadata-reader.js";
import { NO_METADATA, parseMetadata } from "../../../../src/cluster/runtime/agents/metadata.js";
import { operationDigests } from "../../../../src/cluster/runtime/digests.js";
import { RehomeError } from "../../../../src/lib/errors.js";

const agentXml = (version: string, parameters: string, actions: readonly string[]): string =>
  `<?xml version="1.0"?>
<!DOCTYPE resource-agent SYSTEM "ra-api-1.dtd">
<resource-agent name="x" version="3.4"><version>${version}</version><parameters>${parameters}</parameters>
<actions>${actions.map((name) => `<action name="${name}" timeout="20s"/>`).join("")}</actions></resource-agent>`;

describe("what an agent says of its parameters", () => {
  const parameters =
    '<parameter name="state" unique="1"/><parameter name="port" reloadable="1" unique="1"/><parameter name="passwd" unique="0"/>';

  it("from OCF 1.1 on: what is not reloadable calls for a restart", () => {
    assert.deepEqual(parseMetadata(agentXml("1.1", parameters, ["start", "reload-agent", "reload"]), "x"), {
      reload: "reload-agent",
      restartParameters: ["state", "passwd"],
      privateParameters: ["passwd"],
    });
  });

  it("before: what is unique calls for a restart", () => {
    assert.deepEqual(parseMetadata(agentXml("1.0", parameters, ["start", "reload"]), "x"), {
      reload: "reload",
      restartParameters: ["state", "port"],
      privateParameters: ["passwd"],
    });
  });

  for (const [what, version, actions] of [
    ["an agent of OCF 1.1 whose reload is the service's own", "1.1", ["start", "reload"]],
    ["an agent without a reload", "1.0", ["start"]],
  ] as const) {
    it(`of ${what}, any change calls for a restart`, () => {
      const { reload } = parseMetadata(agentXml(version, parameters, actions), "x");
      assert.equal(reload, undefined);
    });
  }

  it("that is no XML is an error that names the agent", () => {
    assert.throws(
      () => parseMetadata("usage: x {start|stop}", "ocf:test:x"),
      (error) => error instanceof RehomeError && error.code === "xml-malformed" && error.message.length > 0,
    );
  });
});

/** The digests are Pacemaker 2.1's own, from histories in its test suite, or made with its rule by md5sum. */
describe("digests of an operation's parameters", () => {
  const metadata = { reload: "reload-agent", restartParameters: ["state"], privateParameters: ["passwd"] } as const;
  const once = { params: { state: "/x", fake: "b", passwd: "p" }, intervalMs: 0, timeoutMs: 20_000 };

  it("are of all parameters, of those that need a restart and of those that are no secret", () => {
    assert.deepEqual(operationDigests(once, metadata), {
      all: "fc00c8fe02aa94256a388f7028897975",
      restart: { digest: "1f29eb5ca7c87667162199b24679e70c", parameters: ["state"] },
      secure: { digest: "ab5f7aa74ef2c68e64c0444a0d443235", parameters: ["passwd"] },
    });
  });

  it("of a recurring operation are of its timeout too, and say nothing of restarts", () => {
    assert.deepEqual(operationDigests({ params: {}, intervalMs: 10_000, timeoutMs: 20_000 }, metadata), {
      all: "4811cef7f7f94e3a35a70be7916cb2fd",
      secure: { digest: "f2317cad3d54cec5d7d7aa7d0bf35cf8", parameters: ["passwd"] },
    });
  });

  it("of an agent that says nothing are of all parameters only", () => {
    assert.deepEqual(Object.keys(operationDigests(once, NO_METADATA)), ["all"]);
  });
});

describe("asking agents for their metadata", () => {
  let folder: string;
  const problems: string[] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "rehome-metadata-"));
    await mkdir(join(folder, "test"));
  });
  after(() => rm(folder, { recursive: true }));
  beforeEach(() => void problems.splice(0));

  const write = async (name: string, body: string): Promise<void> => {
    const path = join(folder, "test", name);
    await writeFile(path, `#!/bin/sh\n${body}\n`);
    await chmod(path, 0o755);
  };
  const reader = () =>
    metadataReader(
      { agentFolders: [folder], fenceFolder: folder, shims: "/nonexistent", socket: "/nonexistent" },
      (message) => problems.push(message),
    );
  const agent = (type: string) => ({ class: "ocf", provider: "test", type });

  it("is done once, and again when the agent was changed", async () => {
    const xml = (name: string) =>
      agentXml("1.1", `<parameter name="${name}" reloadable="1"/><parameter name="b"/>`, ["reload-agent"]);
    const body = (name: string) => `echo x >> ${folder}/asked; cat <<'END'\n${xml(name)}\nEND`;
    await write("a", body("first"));
    const read = reader();
    assert.equal((await read(agent("a"))).reload, "reload-agent");
    await read(agent("a"));
    await write("a", body("another"));
    await read(agent("a"));

    assert.equal((await readFile(join(folder, "asked"), "utf8")).split("\n").length - 1, 2);
    assert.deepEqual(problems, []);
  });

  for (const [what, body, why] of [
    ["prints nothing", "exit 0", /root element/],
    ["refuses", "exit 3", /exit code 3/],
    ["prints something else", "echo usage", /ocf:test:bad has no metadata that can be read/],
  ] as const) {
    it(`of one that ${what} is said once, and nothing is assumed`, async () => {
      await write("bad", body);
      const read = reader();
      assert.deepEqual(await read(agent("bad")), NO_METADATA);
      await read(agent("bad"));
      assert.equal(problems.length, 1);
      assert.match(problems[0] ?? "", why);
    });
  }

  it("of one that is not there is not tried", async () => {
    assert.deepEqual(await reader()(agent("gone")), NO_METADATA);
    assert.deepEqual(problems, []);
  });
});
