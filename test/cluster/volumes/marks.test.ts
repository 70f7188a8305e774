import { strict as assert } from "node:assert";
import { markChange, markOfTags, type ReplicaMark } from "../../../src/cluster/volumes/replicated/marks.js";

const MARK: ReplicaMark = { uuid: "1-2", guest: "web1", disk: "cciss/c0d0 ü+", size: 4096, generation: "00ab" };

/** The tags that `lvchange` would leave. */
function changed(tags: readonly string[], mark: ReplicaMark): readonly string[] {
  const words = markChange(tags, mark);
  const named = (option: string): readonly string[] => words.filter((_, index) => words[index - 1] === option);
  return [...tags.filter((tag) => !named("--deltag").includes(tag)), ...named("--addtag")];
}

describe("the mark of a replicated volume", () => {
  const others = ["rehome", "rehome.volume=web1", "mine"];

  it("is what it was after it went through LVM's tags, which take few signs", () => {
    const tags = changed(others, MARK);
    for (const tag of tags) assert.match(tag, /^[A-Za-z0-9_+.\-/=!:&#]+$/);
    assert.deepEqual(markOfTags("web1", tags), MARK);
  });

  it("takes the place of another one, and leaves all other tags", () => {
    const diverged = { ...MARK, uuid: "3", diverged: "the guest ran" };
    const tags = changed(changed(others, MARK), diverged);
    assert.deepEqual(markOfTags("web1", tags), diverged);
    assert.deepEqual(tags.slice(0, 3), others);
    const back = changed(tags, MARK);
    assert.deepEqual(markOfTags("web1", back), MARK);
    assert.deepEqual(markChange(back, MARK), []);
  });

  it("is none where rehome made none", () => {
    assert.equal(markOfTags("web1", others), undefined);
    assert.equal(markOfTags("web1", ["rehome.mark=1", "rehome.disk=sda", "rehome.size=many"]), undefined);
  });
});
