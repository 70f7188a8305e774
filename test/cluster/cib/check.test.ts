import assert from "node:assert/strict";
import { checkCib } from "../../../src/cluster/cib/check.js";
import { parseXml } from "../../../src/lib/xml.js";

const DUMMY = '<primitive id="a" class="ocf" provider="pacemaker" type="Dummy"/>';

const problems = (resources: string, constraints = "", schema = "pacemaker-3.9"): readonly string[] =>
  checkCib(
    parseXml(
      `<cib validate-with="${schema}"><configuration><crm_config/><nodes/>
<resources>${resources}</resources>
<constraints>${constraints}</constraints></configuration><status/></cib>`,
      "cib.xml",
    ),
  ).map(({ severity, line, message }) => `${line} ${severity}: ${message}`);

const withMeta = (name: string, value: string): string =>
  DUMMY.replace(
    "/>",
    `><meta_attributes id="m"><nvpair id="n" name="${name}" value="${value}"/></meta_attributes></primitive>`,
  );
const withOp = (attribute: string): string =>
  DUMMY.replace("/>", `><operations><op id="o" name="monitor" interval="10s" ${attribute}/></operations></primitive>`);

describe("what Pacemaker's schema does not allow", () => {
  it("is not found in what it does allow", () => {
    const constraint = (score: string): string => `<rsc_location id="l" rsc="a" node="n1" score="${score}"/>`;
    for (const score of ["100", "-5", "+3", "INFINITY", "-INFINITY"])
      assert.deepEqual(problems(DUMMY, constraint(score)), []);
    for (const role of ["Master", "#default"]) assert.deepEqual(problems(withMeta("target-role", role)), []);
    assert.deepEqual(problems(withOp('on-fail="restart"'), "", "none"), []);
    assert.deepEqual(problems('<template id="t" class="lsb" type="x"/><primitive id="a" template="t"/>'), []);
    assert.deepEqual(problems(`<clone id="c"><group id="g">${DUMMY}</group></clone>`), []);
  });

  for (const [found, ...written] of [
    [
      '3 warning: score="much" is neither a number nor INFINITY',
      DUMMY,
      '<rsc_location id="l" rsc="a" node="n" score="much"/>',
    ],
    [/^2 warning: on-fail="explode" is unknown; it may be ignore, block/, withOp('on-fail="explode"')],
    [/^2 warning: target-role="Flying" is unknown; it may be Started/, withMeta("target-role", "Flying")],
    ['2 warning: resource "a" is made from the template "t", which there is not', '<primitive id="a" template="t"/>'],
    ['2 error: group "g" has no primitive in it', '<group id="g"/>'],
    ['2 error: clone "c" has no primitive or group in it', '<clone id="c"><meta_attributes id="m"/></clone>'],
    [/^1 warning: validate-with="foo" is no schema/, DUMMY, "", "foo"],
  ] as const) {
    it(`is found with its line: ${String(found)}`, () => {
      const [first = "", ...others] = problems(...(written as unknown as [string]));
      assert.deepEqual(others, []);
      if (typeof found === "string") assert.equal(first, found);
      else assert.match(first, found);
    });
  }
});
