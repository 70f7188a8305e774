import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { configJsonSchema, type JsonSchema } from "../../src/lib/config/json-schema.js";
import { parseConfig } from "../../src/lib/config/load.js";
import { RehomeError } from "../../src/lib/errors.js";
import { renderStarter, requireAbsent, writeStarter } from "../../src/migrators/starter.js";
import { disk, GOOD_MACHINE } from "./plan/good-server.js";

describe("the starter file", () => {
  it("is a valid rehome.yaml", async () => {
    const config = parseConfig(await renderStarter(), "rehome.yaml");
    assert.deepEqual(Object.keys(config.guests), ["old-server"]);
  });

  it("is valid too with every key that it only shows", async () => {
    const text = (await renderStarter()).replace(/^(\s+)# ((?:  )?[\w-]+:.*|  - .*)$/gm, "$1$2");
    const config = parseConfig(text, "rehome.yaml");
    assert.equal(config.guests["old-server"]?.checks.length, 3);
    assert.equal(config.sources["old-server"]?.powerOff?.at(-1), "off");
    assert.equal(config.sources["web1"]?.domain, "web1");
  });

  it("shows every key there is", async () => {
    const text = await renderStarter();
    const keys = (schema: JsonSchema): string[] => [
      ...Object.entries(schema.properties ?? {}).flatMap(([key, value]) => [key, ...keys(value)]),
      ...(typeof schema.additionalProperties === "object" ? keys(schema.additionalProperties) : []),
      ...(schema.items === undefined ? [] : keys(schema.items)),
      ...(schema.anyOf ?? []).flatMap(keys),
    ];
    assert.deepEqual(
      keys(configJsonSchema()).filter((key) => !text.includes(`${key}:`)),
      [],
    );
  });

  it("has a machine's own figures", async () => {
    const login = { sudo: true, identity: "id" };
    const config = parseConfig(
      await renderStarter({ address: "admin@web1:2222", login, machine: GOOD_MACHINE }),
      "/rehome.yaml",
    );
    assert.equal(config.sources["web1"]?.address, "admin@web1:2222");
    assert.equal(config.sources["web1"].sudo, true);
    assert.equal(config.sources["web1"].identity, "/id");
    assert.deepEqual(config.guests["web1"]?.bridges, { eth0: "br0" });
  });

  it("takes nothing from a machine for more than a text", async () => {
    const evil = '"\n    powerOff: [reboot] # $(reboot) <%= 1 %> \u2028';
    const machine = {
      ...GOOD_MACHINE,
      hostname: "web1: {",
      distribution: { id: "x", version: "1", name: evil },
      disks: [disk(evil)],
      network: { ...GOOD_MACHINE.network, nics: [{ ...GOOD_MACHINE.network.nics[0]!, name: evil }] },
    };
    const config = parseConfig(await renderStarter({ address: "root@web1", login: {}, machine }), "rehome.yaml");
    assert.equal(config.sources["old-server"]?.powerOff, undefined);
    assert.deepEqual(config.guests["old-server"]?.bridges, { [evil]: "br0" });
  });

  it("never overwrites", async () => {
    const folder = await mkdtemp(join(tmpdir(), "rehome-starter-"));
    try {
      const path = join(folder, "rehome.yaml");
      await requireAbsent(path);
      await writeFile(path, "mine");
      const isRefusal = (error: unknown) => error instanceof RehomeError && error.code === "config-exists";
      await assert.rejects(requireAbsent(path), isRefusal);
      await assert.rejects(writeStarter(path, "new"), isRefusal);
      assert.equal(await readFile(path, "utf8"), "mine");
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
