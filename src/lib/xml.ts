import { SaxesParser } from "saxes";
import { create } from "xmlbuilder2";
import type { XMLBuilder } from "xmlbuilder2/lib/interfaces.js";
import { RehomeError } from "./errors.js";

/** One element of a document, read-only. Edits make new elements. */
export interface XmlElement {
  readonly name: string;
  /** In document order. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
  /** The element's own text, without its children's; white space only counts as none. */
  readonly text: string;
  /** 1-based line of the start tag; 0 for an element that was made, not read. */
  readonly line: number;
}

interface OpenElement {
  name: string;
  attributes: Record<string, string>;
  children: XmlElement[];
  text: string;
  line: number;
}

/** As deep as libxml2 reads, and with it libvirt and Pacemaker. */
const DEEPEST = 256;

/**
 * Reads a document strictly: truncated or mismatched tags, duplicate attributes and plain text are errors, and a
 * document type (entities) is refused because documents come from guests and other machines.
 * @param path names the document in errors
 * @throws RehomeError xml-malformed with the line
 */
export function parseXml(text: string, path: string): XmlElement {
  const parser = new SaxesParser<{ position: true; xmlns: false }>({ position: true, xmlns: false });
  const open: OpenElement[] = [];
  let root: XmlElement | undefined;
  const fail = (message: string): never => {
    throw new RehomeError("xml-malformed", message, { path, line: parser.line });
  };
  parser.on("error", (error) => fail(error.message.replace(/^\d+:\d+: /, "").replace(/\.$/, "")));
  parser.on("doctype", () => fail("document type declarations are not allowed"));
  parser.on("xmldecl", ({ encoding = "utf-8" }) => {
    if (!/^(utf-?8|us-ascii)$/i.test(encoding)) fail(`the document is in ${encoding}; only UTF-8 is read`);
  });
  parser.on("opentag", (tag) => {
    if (open.length >= DEEPEST) fail(`elements are nested more than ${DEEPEST} deep`);
    open.push({ name: tag.name, attributes: tag.attributes, children: [], text: "", line: parser.line });
  });
  const addText = (part: string): void => {
    const parent = open.at(-1);
    if (parent !== undefined) parent.text += part;
  };
  parser.on("text", addText);
  parser.on("cdata", addText);
  parser.on("closetag", () => {
    const element = open.pop();
    if (element === undefined) return;
    if (element.text.trim() === "") element.text = "";
    const parent = open.at(-1);
    if (parent === undefined) root = element;
    else parent.children.push(element);
  });
  parser.write(text).close();
  return root ?? fail("the document has no element");
}

/** Makes an element. Attributes that are undefined are left out. */
export function element(
  name: string,
  attributes: Readonly<Record<string, string | undefined>> = {},
  children: readonly XmlElement[] | string = [],
): XmlElement {
  const given = Object.entries(attributes).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return {
    name,
    attributes: Object.fromEntries(given),
    children: typeof children === "string" ? [] : children,
    text: typeof children === "string" ? children : "",
    line: 0,
  };
}

/** The document as text, two spaces a level, each element on a line of its own, ending with a newline. */
export function writeXml(root: XmlElement): string {
  const document = create();
  append(document, root);
  return `${document.end({ headless: true, prettyPrint: true })}\n`;
}

function append(parent: XMLBuilder, { name, attributes, text, children }: XmlElement): void {
  const made = parent.ele(name, { ...attributes });
  if (text !== "") made.txt(text);
  for (const child of children) append(made, child);
}

/** The first child of that name. */
export function childOf(parent: XmlElement, name: string): XmlElement | undefined {
  return parent.children.find((child) => child.name === name);
}

/** All children of that name. */
export function childrenOf(parent: XmlElement, name: string): readonly XmlElement[] {
  return parent.children.filter((child) => child.name === name);
}

/** Every element of that name below `root`, in document order. */
export function descendantsOf(root: XmlElement, name: string): readonly XmlElement[] {
  return root.children.flatMap((child) => [...(child.name === name ? [child] : []), ...descendantsOf(child, name)]);
}
