import type { z } from "zod";
import { nearest } from "../nearest.js";
import { configJsonSchema, keysAt } from "./json-schema.js";

/** Something wrong in rehome.yaml: where (keys from the top) and what to do. */
export interface Problem {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly remedy: string;
  /** The known key that an unknown one probably stands for. */
  readonly meant?: string;
}

/** What the schema has against a document, in words for its author. */
export function problemsOf(issues: readonly z.core.$ZodIssue[], document: unknown): readonly Problem[] {
  const problems = issues.flatMap((issue) => problemsOfIssue(issue, issue.path, document));
  // a key that is missing because it was misspelt is one problem, not two
  const explained = new Set(
    problems.flatMap(({ path, meant }) => (meant === undefined ? [] : [dotted([...path.slice(0, -1), meant])])),
  );
  return problems.filter(({ path, meant }) => meant !== undefined || !explained.has(dotted(path)));
}

function problemsOfIssue(issue: z.core.$ZodIssue, path: readonly PropertyKey[], document: unknown): readonly Problem[] {
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => unknownKey([...path, key], keysAt(configJsonSchema(), path)));
    case "invalid_key":
      return [
        {
          path,
          message: `${quoted(lastKey(path))} ${issue.issues[0]?.message ?? "is no valid name"}`,
          remedy: "choose another name, such as web1",
        },
      ];
    case "invalid_union":
      return unionProblems(issue, path, document);
    case "invalid_type":
      return [wrongType(issue.expected, path, valueAt(document, path))];
    case "invalid_value":
      return [wrongValue(issue.values.map(String), path, valueAt(document, path))];
    default:
      return [
        {
          path,
          message: `${quoted(valueAt(document, path))} ${sentence(issue)}`,
          remedy: `correct ${dotted(path)}`,
        },
      ];
  }
}

function sentence(issue: z.core.$ZodIssue): string {
  if (issue.code === "too_small") return `is too small: at least ${String(issue.minimum)}`;
  if (issue.code === "too_big") return `is too big: at most ${String(issue.maximum)}`;
  return issue.message;
}

function unknownKey(path: readonly PropertyKey[], known: readonly string[]): Problem {
  const key = String(path.at(-1));
  const near = nearest(key, known);
  return {
    path,
    message: `unknown key ${quoted(key)}`,
    remedy: near === undefined ? `known keys here are ${known.join(", ")}` : `did you mean "${near}"?`,
    ...(near !== undefined && { meant: near }),
  };
}

/** A union of objects with one key each: blame the variant that was meant. */
function unionProblems(
  issue: z.core.$ZodIssueInvalidUnion,
  path: readonly PropertyKey[],
  document: unknown,
): readonly Problem[] {
  const known = keysAt(configJsonSchema(), path);
  const value = valueAt(document, path);
  const keys = typeof value === "object" && value !== null ? Object.keys(value) : [];
  const unknown = keys.filter((key) => !known.includes(key));
  if (unknown.length > 0) return unknown.map((key) => unknownKey([...path, key], known));
  const meant = known.indexOf(keys[0] ?? "");
  const nested = issue.errors[meant];
  if (keys.length === 1 && nested !== undefined) {
    return nested.flatMap((inner) => problemsOfIssue(inner, [...path, ...inner.path], document));
  }
  return [{ path, message: `must have just one of ${known.join(", ")}`, remedy: `write one entry for each` }];
}

const TYPES: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "keys with values",
  record: "names with values",
};

function wrongType(expected: string, path: readonly PropertyKey[], value: unknown): Problem {
  const wanted = TYPES[expected] ?? expected;
  if (value === undefined) {
    return { path, message: `${quoted(lastKey(path))} is missing`, remedy: `add ${dotted(path)} with ${wanted}` };
  }
  const quote = expected === "string" && typeof value !== "object" ? "; put it in quotes" : "";
  return {
    path,
    message: `${quoted(value)} is not ${wanted}`,
    remedy: `give ${path.length === 0 ? "the file" : dotted(path)} ${wanted}${quote}`,
  };
}

function wrongValue(allowed: readonly string[], path: readonly PropertyKey[], value: unknown): Problem {
  if (value === undefined) {
    return {
      path,
      message: `${quoted(lastKey(path))} is missing`,
      remedy: `add ${dotted(path)}: ${allowed.join(" or ")}`,
    };
  }
  return { path, message: `${quoted(value)} is not known here`, remedy: `write ${allowed.join(" or ")}` };
}

function valueAt(document: unknown, path: readonly PropertyKey[]): unknown {
  let value = document;
  for (const key of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}

function quoted(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number" || typeof value === "boolean") return `"${String(value)}"`;
  if (value === null || value === undefined) return "an empty value";
  return Array.isArray(value) ? "a list" : "a set of keys";
}

/** `guests.web1.checks[0].tcp` */
export function dotted(path: readonly PropertyKey[]): string {
  return path
    .map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`))
    .join("")
    .replace(/^\./, "");
}

function lastKey(path: readonly PropertyKey[]): string {
  return String(path.at(-1) ?? "");
}
