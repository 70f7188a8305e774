/** A value in a domain's configuration file: numbers stay as they are written. */
export type ConfigValue = string | readonly ConfigValue[];

/** What a domain's configuration file says, as far as it says it plainly. */
export interface ConfigFile {
  readonly values: ReadonlyMap<string, ConfigValue>;
  /** Lines that were not understood, numbered from 1. */
  readonly problems: readonly { readonly line: number; readonly text: string }[];
}

/** A real file has some dozen lines. */
const LONGEST = 256 * 1024;
const DEEPEST = 4;

/**
 * Reads a domain's configuration file: xl.cfg(5), and as much of it as xm, which took it for a program in Python, has in
 * common with that: names with texts, numbers and lists. Nothing is ever evaluated; an expression is a problem.
 */
export function parseConfigFile(text: string): ConfigFile {
  if (text.length > LONGEST) return { values: new Map(), problems: [{ line: 1, text: "the file is too long" }] };
  const reader = new ConfigReader(text);
  const values = new Map<string, ConfigValue>();
  const problems: { line: number; text: string }[] = [];
  while (reader.skipToStatement()) {
    const line = reader.line();
    const found = reader.assignment();
    if (found === undefined) problems.push({ line, text: reader.skipStatement() });
    else values.set(found.name, found.adds ? added(values.get(found.name), found.value) : found.value);
  }
  return { values, problems };
}

/** `a += b`: xl.cfg(5) appends texts and lists. */
function added(before: ConfigValue | undefined, value: ConfigValue): ConfigValue {
  if (before === undefined) return value;
  if (typeof before === "string" && typeof value === "string") return before + value;
  return [...(typeof before === "string" ? [before] : before), ...(typeof value === "string" ? [value] : value)];
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", "\n": "" };

class ConfigReader {
  private at = 0;
  /** Where the present statement began. */
  private begin = 0;

  constructor(private readonly text: string) {}

  line(): number {
    return this.text.slice(0, this.at).split("\n").length;
  }

  /** @returns whether there is one more */
  skipToStatement(): boolean {
    this.match(/(?:[\s;]|#[^\n]*|\\\r?\n)*/y);
    this.begin = this.at;
    return this.at < this.text.length;
  }

  /** `name = value` up to its end; undefined when it is anything else. */
  assignment(): { readonly name: string; readonly adds: boolean; readonly value: ConfigValue } | undefined {
    const name = this.match(/[A-Za-z_][A-Za-z0-9_.]*/y);
    this.blank();
    const operator = this.match(/\+?=(?!=)/y);
    if (name === undefined || operator === undefined) return undefined;
    this.blank();
    const value = this.value(0);
    this.blank();
    if (value === undefined || this.match(/#[^\n]*|\r?\n|;|$/y) === undefined) return undefined;
    return { name, adds: operator === "+=", value };
  }

  /** Passes over a statement that was not understood, with all its brackets and texts. @returns its first line */
  skipStatement(): string {
    this.at = this.begin;
    for (let depth = 0; this.at < this.text.length;) {
      if (this.string() !== undefined || this.match(/#[^\n]*|\\\r?\n/y) !== undefined) continue;
      const character = this.text[this.at] ?? "";
      this.at += 1;
      if ("[({".includes(character)) depth += 1;
      if ("])}".includes(character)) depth = Math.max(0, depth - 1);
      if (depth === 0 && (character === "\n" || character === ";")) break;
    }
    return (this.text.slice(this.begin, this.at).split("\n")[0] ?? "").trim();
  }

  private value(depth: number): ConfigValue | undefined {
    const number = this.match(/-?(?:0[xX][0-9A-Fa-f]+|\d+)(?![\w.])/y);
    if (number !== undefined) return number;
    const word = this.match(/(?:None|True|False)(?!\w)/y);
    if (word !== undefined) return { None: "", True: "1", False: "0" }[word] ?? word;
    return this.text[this.at] === "[" ? this.list(depth) : this.string();
  }

  private list(depth: number): ConfigValue | undefined {
    if (depth === DEEPEST) return undefined;
    this.at += 1;
    const items: ConfigValue[] = [];
    for (;;) {
      this.space();
      if (this.match(/\]/y) !== undefined) return items;
      const item = this.value(depth + 1);
      if (item === undefined) return undefined;
      items.push(item);
      this.space();
      if (this.match(/,/y) === undefined && this.text[this.at] !== "]") return undefined;
    }
  }

  /** A text in quotes of either kind, or three of them; texts beside each other are one, as in Python and C. */
  private string(): string | undefined {
    let whole: string | undefined;
    for (;;) {
      const start = this.at;
      const quote = this.match(/'''|"""|'|"/y);
      if (quote === undefined) return whole;
      const end = this.endOf(quote);
      if (end === undefined) {
        this.at = start;
        return whole;
      }
      whole = (whole ?? "") + unescape(this.text.slice(this.at, end));
      this.at = end + quote.length;
      this.blank();
    }
  }

  private endOf(quote: string): number | undefined {
    for (let at = this.at; at < this.text.length; at += 1) {
      if (this.text[at] === "\\") at += 1;
      else if (this.text.startsWith(quote, at)) return at;
      else if (this.text[at] === "\n" && quote.length === 1) return undefined;
    }
    return undefined;
  }

  /** Blanks on the line. */
  private blank(): void {
    this.match(/(?:[ \t]|\\\r?\n)*/y);
  }

  /** Blanks, ends of lines and comments, which a list may have anywhere. */
  private space(): void {
    this.match(/(?:\s|#[^\n]*|\\\r?\n)*/y);
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.at += found.length;
    return found;
  }
}

function unescape(text: string): string {
  return text.replace(/\\(x[0-9A-Fa-f]{2}|[0-7]{1,3}|[^])/g, (_, escaped: string) => {
    if (/^x..$/.test(escaped)) return String.fromCharCode(parseInt(escaped.slice(1), 16));
    if (/^[0-7]/.test(escaped)) return String.fromCharCode(parseInt(escaped, 8) & 0xff);
    return ESCAPES[escaped] ?? escaped;
  });
}
