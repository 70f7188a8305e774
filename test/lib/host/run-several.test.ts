import { strict as assert } from "node:assert";
import { localHost } from "../../../src/lib/host/local-host.js";
import { runSeveral } from "../../../src/lib/host/run-several.js";
import { FakeHost } from "../../helpers/fake-host.js";

describe("several programs run as one", () => {
  const host = localHost("here");

  it("tell what each printed, said on standard error, and how it ended", async () => {
    const results = await runSeveral(host, [
      ["printf", "%s|", "one", "two words", "", "$HOME", "`id`", '"', "*", "\n"],
      ["sh", "-c", "echo out; echo first >&2; echo last >&2; exit 3"],
      ["no-such-program-at-all", "x"],
      ["true"],
      ["printf", "%s.", ..."a b c d e f g h i j k l m".split(" ")],
      ["sh", "-c", "kill -9 $$"],
      ["cat"],
    ]);
    const brief = results.map(({ exitCode, stdout, stderr }) => [exitCode, stdout, stderr]);
    assert.deepEqual(brief.slice(0, 2), [
      [0, 'one|two words||$HOME|`id`|"|*|\n|', ""],
      [3, "out\n", "first\nlast"],
    ]);
    assert.equal(brief[2]?.[0], 127);
    assert.deepEqual(brief.slice(3, 5), [
      [0, "", ""],
      [0, "a.b.c.d.e.f.g.h.i.j.k.l.m.", ""],
    ]);
    assert.equal(brief[5]?.[0], 137);
    assert.deepEqual(brief[6], [0, "", ""], "standard input is empty");
    assert.deepEqual(results[1].argv.slice(0, 2), ["sh", "-c"]);
  });

  it("are none that print what looks like an end", async () => {
    const [first, second] = await runSeveral(host, [
      ["printf", "\nmark 0\n\nmark\n"],
      ["echo", "two"],
    ]);
    assert.equal(first.stdout, "\nmark 0\n\nmark\n");
    assert.equal(second.stdout, "two\n");
  });

  it("may be none at all", async () => assert.deepEqual(await runSeveral(host, []), []));

  for (const [what, answer] of Object.entries({
    nothing: () => "",
    "only the first": (mark: string) => `one\n${mark} 0\n\n${mark}\n`,
    "an end without a beginning": (mark: string) => `one\n${mark} 0\n\n${mark}\ntwo\n${mark} 0\n`,
    "no exit code": (mark: string) => `one\n${mark} \n\n${mark}\ntwo\n${mark} 0\n\n${mark}\n`,
    more: (mark: string) => `one\n${mark} 0\n\n${mark}\ntwo\n${mark} 0\n\n${mark}\nthree`,
  })) {
    it(`are not believed when there is ${what}`, async () => {
      const fake = new FakeHost().on(/^sh -c /, ({ argv }) => answer(argv[4] ?? ""));
      await assert.rejects(runSeveral(fake, [["one"], ["two"]]), { code: "output-unreadable" });
    });
  }

  it("fail as one when the shell does", async () => {
    const fake = new FakeHost().on(/^sh -c /, { exitCode: 137 });
    await assert.rejects(runSeveral(fake, [["one"]]), { code: "command-failed" });
  });
});
