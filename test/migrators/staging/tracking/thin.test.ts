import { strict as assert } from "node:assert";
import fc from "fast-check";
import { parseThinDelta } from "../../../../src/migrators/staging/tracking/thin.js";

const UNIT = 65_536;
const BLOCKS = 500;
const SIZE = BLOCKS * UNIT - 512;
const KINDS = ["same", "different", "left_only", "right_only"] as const;

/** What thin_delta prints of two volumes whose blocks compare like this. */
function deltaOf(blocks: readonly (typeof KINDS)[number][]): string {
  const lines: string[] = [];
  for (let begin = 0; begin < blocks.length;) {
    let end = begin;
    while (end < blocks.length && blocks[end] === blocks[begin]) end += 1;
    lines.push(`    <${blocks[begin] ?? ""} begin="${begin}" length="${end - begin}"/>`);
    begin = end;
  }
  return `<superblock uuid="" time="2" transaction="4" data_block_size="128" nr_data_blocks="0">
  <diff left="1" right="2">
${lines.join("\n")}
  </diff>
</superblock>
`;
}

const ours = { left: "1", right: "2", size: SIZE };

describe("what thin_delta prints", () => {
  it("gives every block that is not the same, discarded ones too (rule 2)", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...KINDS), { minLength: 1, maxLength: BLOCKS }), (blocks) => {
        const found = parseThinDelta(deltaOf(blocks), ours);
        assert.ok(found);
        const numbers = found.flatMap(({ offset, length }) =>
          Array.from({ length: Math.ceil(length / UNIT) }, (_, index) => offset / UNIT + index),
        );
        assert.deepEqual(
          numbers,
          blocks.flatMap((kind, index) => (kind === "same" ? [] : [index])),
        );
        for (const { offset, length } of found) assert.ok(length > 0 && offset + length <= SIZE);
      }),
    );
  });

  it("says nothing when it is about other volumes, cut off, or not understood (rule 6)", () => {
    const right = deltaOf(["same", "different"]);
    assert.ok(parseThinDelta(right, ours));
    const wrong: readonly string[] = [
      right.replace('left="1"', 'left="3"'),
      right.replace('right="2"', 'right="7"'),
      right.slice(0, -10),
      right.replace("<different", "<perhaps"),
      right.replace('length="1"', 'length="many"'),
      right.replace('data_block_size="128"', ""),
      right.replace(/<diff [^]*<\/diff>/, ""),
      "",
    ];
    for (const text of wrong) assert.equal(parseThinDelta(text, ours), undefined, text);
  });
});
