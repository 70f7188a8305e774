import assert from "node:assert/strict";
import { decide, done, primitive } from "./two-nodes.js";

const clone = (member: string): string => `<clone id="${member}-clone">${primitive(member)}</clone>`;
const away = (id: string): string => `<rsc_location id="l" rsc="${id}" node="n1" score="-INFINITY"/>`;
const starts = (actions: readonly string[]): readonly string[] => actions.filter((each) => each.startsWith("start"));

describe("the names in constraints", () => {
  it("leave alone the members of a group that is cloned", () => {
    const resources = `<clone id="c"><group id="g">${primitive("web")}</group></clone>`;
    const named = (id: string): readonly string[] =>
      starts(done(decide({ resources, constraints: away(id), running: [] })));
    assert.deepEqual(named("g"), ["start web n1", "start web n2"]);
    assert.deepEqual(named("c"), ["start web n2"]);
  });

  it("stand for a clone where nodes know an instance by the name of its member", () => {
    const made = decide({ resources: clone("web"), constraints: away("web"), running: ["web"] });
    assert.deepEqual(done(made), ["start web n2", "stop web n1"]);
  });

  it("of a resource that is not there end a constraint of sets, which holds up to the set before", () => {
    const stopped = primitive("b", `<nvpair id="b-tr" name="target-role" value="Stopped"/>`);
    const order = (second: string): string => `<rsc_order id="o">
      <resource_set id="s1"><resource_ref id="b"/></resource_set>
      <resource_set id="s2"><resource_ref id="${second}"/></resource_set>
      <resource_set id="s3"><resource_ref id="d"/></resource_set></rsc_order>`;
    const resources = stopped + primitive("c") + primitive("d");
    const given = (second: string): readonly string[] =>
      starts(done(decide({ resources, constraints: order(second), running: [] }))).map((each) => each.slice(6, 7));
    assert.deepEqual(given("c"), []);
    assert.deepEqual(given("nowhere"), ["c", "d"]);
  });
});
