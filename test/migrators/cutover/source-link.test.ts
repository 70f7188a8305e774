import assert from "node:assert/strict";
import { RehomeError } from "../../../src/lib/errors.js";
import { answersInTime, sourceLink, type SourceLink } from "../../../src/migrators/cutover/source-link.js";
import { FakeHost } from "../../helpers/fake-host.js";

describe("a source that is asked until it answers", () => {
  let asked: number;
  beforeEach(() => {
    asked = 0;
  });

  /** @param answers how each login ends; those after it are as the last one */
  function link(...answers: readonly (RehomeError | "answers")[]): SourceLink {
    return sourceLink(() => {
      const answer = answers[Math.min(asked, answers.length - 1)];
      asked += 1;
      if (answer !== "answers") return Promise.reject(answer ?? new Error("nothing said"));
      return Promise.resolve(new FakeHost("web1").on(/boot_id/, "11111111-1111-1111-1111-111111111111\n"));
    });
  }
  const away = new RehomeError("host-unreachable", "no connection to the machine");
  const stranger = new RehomeError("host-key-changed", "another host key");

  it("is asked once when there is no time, and again as long as there is", async () => {
    assert.equal(await answersInTime(link(away, "answers"), 0), false);
    assert.equal(asked, 1);
    asked = 0;
    assert.equal(await answersInTime(link(away, "answers"), 10_000), true);
    assert.equal(asked, 2);
  });

  it("does not answer when somebody else does, which is no error here", async () => {
    assert.equal(await answersInTime(link(stranger), 0), false);
  });
});
