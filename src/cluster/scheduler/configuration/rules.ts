import type { XmlElement } from "../../../lib/xml.js";
import { follow, type FindById, type NvSet } from "../../cib/nvsets.js";
import { dateExpressionHolds } from "./dates.js";
import { parseRole } from "../roles.js";
import { addScores, INFINITY, parseScore } from "../score.js";
import type { Role } from "../types.js";

/** What a rule is evaluated against. What is undefined makes expressions about it false. */
export interface RuleContext {
  readonly now: number;
  readonly byId: FindById;
  readonly attributes?: ReadonlyMap<string, string> | undefined;
  readonly role?: Role | undefined;
  readonly agent?: { readonly class: string; readonly provider: string | undefined; readonly type: string } | undefined;
  readonly operation?: { readonly name: string; readonly intervalMs: number } | undefined;
  /** Instance attributes and meta attributes, for `value-source`. */
  readonly params?: ReadonlyMap<string, string> | undefined;
  readonly meta?: ReadonlyMap<string, string> | undefined;
  /** Groups of an `rsc-pattern`, for `%1` in attribute names. */
  readonly groups?: readonly string[] | undefined;
  /** Told of times at which an answer changes. */
  readonly onChangeAt?: ((ms: number) => void) | undefined;
}

/** Whether a rule is met; nested rules and expressions are joined by `boolean-op` (and, unless it says or). */
export function ruleHolds(given: XmlElement, context: RuleContext): boolean {
  const rule = follow(given, context.byId);
  if (rule === undefined) return false;
  const any = rule.attributes["boolean-op"]?.toLowerCase() === "or";
  const role = parseRole(rule.attributes["role"]);
  if (role !== undefined && context.role !== undefined && role !== context.role) return false;
  const parts = rule.children.filter((child) => TESTS[child.name] !== undefined);
  if (parts.length === 0) return !any;
  // Every part is looked at, so that each time at which something changes is known.
  const results = parts.map((part) => TESTS[part.name]?.(part, context) ?? false);
  return any ? results.includes(true) : !results.includes(false);
}

const TESTS: Readonly<Record<string, ((part: XmlElement, context: RuleContext) => boolean) | undefined>> = {
  rule: ruleHolds,
  expression: attributeHolds,
  date_expression: dateExpressionHolds,
  rsc_expression: ({ attributes }, { agent }) =>
    agent !== undefined &&
    (attributes["class"] === undefined || attributes["class"] === agent.class) &&
    (attributes["provider"] === undefined || attributes["provider"] === agent.provider) &&
    (attributes["type"] === undefined || attributes["type"] === agent.type),
  op_expression: ({ attributes }, { operation }) =>
    operation !== undefined &&
    attributes["name"] === operation.name &&
    (attributes["interval"] === undefined || intervalOf(attributes["interval"]) === operation.intervalMs),
};

function intervalOf(text: string): number {
  const match = /^(\d+)\s*(ms|s|m|min|h)?$/.exec(text);
  const unit = { ms: 1, s: 1000, m: 60_000, min: 60_000, h: 3_600_000 }[match?.[2] ?? "s"] ?? 1000;
  return Number(match?.[1] ?? Number.NaN) * unit;
}

function attributeHolds({ attributes }: XmlElement, context: RuleContext): boolean {
  const { operation = "" } = attributes;
  const name = withGroups(attributes["attribute"] ?? "", context.groups);
  if (name === "#role" || name === "#rsc-role") {
    const wanted = parseRole(attributes["value"]);
    return operation === "ne" ? context.role !== wanted : context.role === wanted;
  }
  if (context.attributes === undefined) return false;
  const actual = context.attributes.get(name);
  if (operation === "defined") return actual !== undefined;
  if (operation === "not_defined") return actual === undefined;
  const given = attributes["value"] ?? "";
  const source = attributes["value-source"];
  const wanted = source === "param" ? context.params?.get(given) : source === "meta" ? context.meta?.get(given) : given;
  const order = compareValues(actual, wanted, attributes["type"], operation);
  if (operation === "eq") return order === 0;
  if (operation === "ne") return order !== 0;
  if (actual === undefined || wanted === undefined) return false;
  switch (operation) {
    case "lt":
      return order < 0;
    case "lte":
      return order <= 0;
    case "gt":
      return order > 0;
    case "gte":
      return order >= 0;
    default:
      return false;
  }
}

/** `%1` and so on in an attribute's name stand for the groups of the resource pattern. */
function withGroups(name: string, groups: readonly string[] | undefined): string {
  if (groups === undefined) return name;
  return name.replace(/%(\d)/g, (_whole, digit: string) => groups[Number(digit)] ?? "");
}

/** Without a type, `eq` and `ne` compare as text, the others as numbers; numbers with a dot as fractions. */
function compareValues(
  actual: string | undefined,
  wanted: string | undefined,
  givenType: string | undefined,
  operation: string,
): number {
  if (actual === undefined && wanted === undefined) return 0;
  if (actual === undefined) return -1;
  if (wanted === undefined) return 1;
  const numeric = ["lt", "lte", "gt", "gte"].includes(operation);
  const type = givenType ?? (numeric ? (/\./.test(actual + wanted) ? "number" : "integer") : "string");
  switch (type) {
    case "integer":
    case "number": {
      const read = type === "integer" ? leadingInteger : leadingNumber;
      const [a, b] = [read(actual), read(wanted)];
      // What is no number is compared as text.
      return a === undefined || b === undefined ? compareText(actual, wanted) : Math.sign(a - b);
    }
    case "version":
      return compareVersions(actual, wanted);
    default:
      return compareText(actual, wanted);
  }
}

function compareText(a: string, b: string): number {
  const [left, right] = [a.toLowerCase(), b.toLowerCase()];
  return left < right ? -1 : left > right ? 1 : 0;
}

function leadingInteger(text: string): number | undefined {
  const match = /^\s*[+-]?\d+/.exec(text);
  return match === null ? undefined : Number(match[0]);
}

function leadingNumber(text: string): number | undefined {
  const match = /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?/i.exec(text);
  return match === null ? undefined : Number(match[0]);
}

function compareVersions(a: string, b: string): number {
  const [left, right] = [a.split("."), b.split(".")].map((parts) =>
    parts.map((part) => Number.parseInt(part, 10) || 0),
  );
  for (let i = 0; i < Math.max(left?.length ?? 0, right?.length ?? 0); i++) {
    const difference = (left?.[i] ?? 0) - (right?.[i] ?? 0);
    if (difference !== 0) return Math.sign(difference);
  }
  return 0;
}

/**
 * Merges sets of name-value pairs whose rule holds into `into`. Sets with a higher score come first, then later ones
 * before earlier ones; a name that is there already stays as it is, unless `overwrite`.
 * @param first the id of a set that counts before all others
 */
export function applySets(
  sets: readonly NvSet[],
  context: RuleContext,
  into: Map<string, string>,
  { overwrite = false, first }: { overwrite?: boolean; first?: string } = {},
): void {
  const sorted = [...sets].reverse().sort((a, b) => {
    if (a.id === first) return -1;
    if (b.id === first) return 1;
    return parseScore(b.score) - parseScore(a.score);
  });
  for (const set of sorted) {
    if (set.rule !== undefined && !ruleHolds(set.rule, context)) continue;
    for (const [name, value] of set.pairs) {
      if (value === "#default") into.delete(name);
      else if (overwrite || !into.has(name)) into.set(name, value);
    }
  }
}

/** The score of a rule of a location constraint: its own, or a node attribute's. */
export function ruleScore(
  rule: XmlElement,
  attributes: ReadonlyMap<string, string>,
  groups?: readonly string[],
): number {
  const named = rule.attributes["score-attribute"];
  if (named === undefined) return parseScore(rule.attributes["score"]);
  const value = attributes.get(withGroups(named, groups));
  // A node without the attribute cannot be used.
  return value === undefined ? -INFINITY : addScores(0, parseScore(value));
}

/** Whether any rule among the sets depends on a node's attributes. */
export function hasRules(sets: readonly NvSet[]): boolean {
  return sets.some((set) => set.rule !== undefined);
}
