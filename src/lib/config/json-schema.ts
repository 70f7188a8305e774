import { z } from "zod";
import { configSchema } from "./schema.js";

/** The parts of a JSON Schema (2020-12) that rehome's has. */
export interface JsonSchema {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
}

/** rehome.yaml's JSON Schema, for editors; published as docs/schema/rehome.schema.json. */
export function configJsonSchema(): JsonSchema {
  return {
    ...(z.toJSONSchema(configSchema, { io: "input" }) as JsonSchema),
    ...{ title: "rehome.yaml", $id: "rehome.schema.json" },
  };
}

/** The keys that are known at a place; empty where any key is allowed. */
export function keysAt(schema: JsonSchema, path: readonly PropertyKey[]): readonly string[] {
  let here: JsonSchema | undefined = schema;
  for (const key of path) {
    if (here === undefined) return [];
    if (typeof key === "number") here = here.items;
    else here = own(here.properties, String(key)) ?? objectOf(here.additionalProperties);
  }
  const variants = here?.anyOf ?? (here === undefined ? [] : [here]);
  return variants.flatMap((variant) => Object.keys(variant.properties ?? {}));
}

function own(properties: JsonSchema["properties"], key: string): JsonSchema | undefined {
  return properties !== undefined && Object.hasOwn(properties, key) ? properties[key] : undefined;
}

function objectOf(schema: JsonSchema["additionalProperties"]): JsonSchema | undefined {
  return typeof schema === "object" ? schema : undefined;
}

/** The text of docs/schema/rehome.schema.json. */
export function renderConfigSchema(): string {
  return `${JSON.stringify(configJsonSchema(), null, 2)}\n`;
}
