import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { configJsonSchema, keysAt, renderConfigSchema, type JsonSchema } from "../../../src/lib/config/json-schema.js";

describe("JSON Schema of rehome.yaml", () => {
  it("in docs is current (else: npm run docs)", async () => {
    const published = await readFile(new URL("../../../docs/schema/rehome.schema.json", import.meta.url), "utf8");
    assert.equal(published, renderConfigSchema());
  });

  it("describes every key", () => {
    const undescribed = (schema: JsonSchema, path: string): string[] => [
      ...Object.entries(schema.properties ?? {}).flatMap(([key, value]) => [
        ...(value.description === undefined ? [`${path}.${key}`] : []),
        ...undescribed(value, `${path}.${key}`),
      ]),
      ...(typeof schema.additionalProperties === "object" ? undescribed(schema.additionalProperties, `${path}.*`) : []),
      ...(schema.items === undefined ? [] : undescribed(schema.items, `${path}[]`)),
      ...(schema.anyOf ?? []).flatMap((variant) => undescribed(variant, path)),
    ];
    assert.deepEqual(undescribed(configJsonSchema(), ""), []);
  });

  it("knows the keys of every place", () => {
    const schema = configJsonSchema();
    assert.deepEqual(keysAt(schema, []), ["version", "sources", "target", "guests", "cluster"]);
    assert.ok(keysAt(schema, ["sources", "constructor"]).includes("address"));
    assert.deepEqual(keysAt(schema, ["guests", "web1", "checks", 0]), ["tcp", "http", "ping"]);
    assert.deepEqual(keysAt(schema, ["guests", "web1", "bridges"]), []);
  });
});
