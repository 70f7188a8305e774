import assert from "node:assert/strict";
import { RehomeError } from "../../src/lib/errors.js";
import { childOf, element, parseXml, writeXml } from "../../src/lib/xml.js";

describe("strict XML", () => {
  it("reads elements, attributes, text and lines", () => {
    const root = parseXml('<a x="1">\n  <b y="&lt;2&gt;">text</b>\n</a>', "a.xml");
    assert.deepEqual({ ...root.attributes }, { x: "1" });
    const b = childOf(root, "b");
    assert.equal(b?.text, "text");
    assert.equal(b.attributes["y"], "<2>");
    assert.equal(b.line, 2);
  });

  const refused: Readonly<Record<string, string>> = {
    truncated: "<a><b/>",
    mismatched: "<a><b></a></b>",
    "duplicate attribute": '<a x="1" x="2"/>',
    "plain text": "hello",
    empty: "",
    "document type": '<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>',
    "two roots": "<a/><b/>",
    "too deep": `${"<a>".repeat(257)}${"</a>".repeat(257)}`,
    "in another encoding": '<?xml version="1.0" encoding="iso-8859-1"?><a/>',
  };
  for (const [name, text] of Object.entries(refused)) {
    it(`refuses a document that is ${name}`, () => {
      assert.throws(
        () => parseXml(text, "bad.xml"),
        (error) => error instanceof RehomeError && error.code === "xml-malformed" && error.where.line !== undefined,
      );
    });
  }

  it("writes what it reads", () => {
    const made = element("a", { x: 'quote " & <', left: undefined }, [element("b", {}, "t & t"), element("c")]);
    const read = parseXml(writeXml(made), "made");
    assert.deepEqual({ ...read.attributes }, { x: 'quote " & <' });
    assert.equal(childOf(read, "b")?.text, "t & t");
  });
});
