import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Config } from "@oclif/core";
import { unknownCommand } from "../../../src/lib/view/unknown-command.js";
import { rehome } from "../../helpers/rehome.js";

const KNOWN = ["plan", "status", "stage", "cluster status", "cluster start", "cluster configure load"];

describe("a wrong command line", () => {
  for (const [typed, message, remedy] of [
    ["foo", 'there is no command "foo"', /^rehome --help lists what there is$/],
    ["stauts", 'there is no command "stauts"', /^did you mean "rehome status"\?/],
    ["cluster strat web1", 'there is no command "cluster strat"', /^did you mean "rehome cluster start"\?/],
    ["clustr start web1", 'there is no command "clustr"', /^did you mean "rehome cluster"\?/],
    ["cluster configure laod", 'there is no command "cluster configure laod"', /"rehome cluster configure load"/],
  ] as const) {
    it(`names the command that was meant by "${typed}"`, () => {
      const error = unknownCommand(typed.split(" "), KNOWN);
      assert.equal(error.code, "usage");
      assert.equal(error.message, message);
      assert.match(error.remedy ?? "", remedy);
    });
  }

  for (const [command, argv, message, remedy] of [
    ["cluster start", [], /^the argument RESOURCE is missing \(its id\) \[usage\]/, /rehome cluster start --help/],
    ["cluster start", ["a", "b"], /^there is an argument too many: "b" \[usage\]/, /--help/],
    ["cluster start", ["a", "--timout=5"], /^there is no flag --timout/, /did you mean --timeout\?/],
    ["cluster start", ["a", "--timeout"], /^the flag --timeout needs a value \[usage\]/, /--help/],
    [
      "cluster maintenance",
      ["onn"],
      /^"onn" is nothing that the argument can be/,
      /it may be on, off; did you mean "on"/,
    ],
  ] as const) {
    it(`says what is wrong with ${command} ${argv.join(" ")}`, async () => {
      const ran = await rehome(command, ...argv);
      assert.equal(ran.status, 2);
      assert.match(ran.stderr, message);
      assert.match(ran.stderr, remedy);
    });
  }

  it("finds the topics described by what they are about", async () => {
    const { topics } = await Config.load({ root: fileURLToPath(new URL("../../..", import.meta.url)) });
    assert.equal(
      topics.find(({ name }) => name === "cluster:configure")?.description,
      "the cluster's configuration as a whole",
    );
  });

  it("is an error of ours for a program too", function () {
    this.timeout(120_000);
    const root = fileURLToPath(new URL("../../..", import.meta.url));
    const ran = spawnSync(process.execPath, ["bin/dev.js", "cluster", "strat", "--json"], { cwd: root });
    assert.equal(ran.status, 2, String(ran.stderr));
    const { error } = JSON.parse(String(ran.stdout)) as { error: { code: string; message: string } };
    assert.deepEqual([error.code, error.message], ["usage", 'there is no command "cluster strat"']);
  });
});

describe("a state folder that cannot be", function () {
  this.timeout(120_000);
  for (const folder of ["/proc/nope", "/dev/null/state"]) {
    it(`${folder} is refused by rehome runtime at once`, async () => {
      const ran = await rehome("runtime", "--state", folder, "--node", "n1");
      assert.equal(ran.status, 6);
      assert.match(ran.stderr, /cannot make the folder: .* \[file-unwritable\]\n {2}→ /);
    });
  }

  it("is said by init of the file", async () => {
    const ran = await rehome("init", "--config", "/no/such/x");
    assert.equal(ran.status, 6);
    assert.match(ran.stderr, /^\/no\/such\/x: cannot write: no such file or directory \[file-unwritable\]\n {2}→ /);
  });
});
