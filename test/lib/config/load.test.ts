import assert from "node:assert/strict";
import { homedir } from "node:os";
import { loadConfig, parseConfig } from "../../../src/lib/config/load.js";
import { RehomeError } from "../../../src/lib/errors.js";

const GOOD = `version: 1
sources:
  old-web:
    address: root@192.0.2.10
    identity: keys/id
    passwordFile: ~/secret
guests:
  web1:
    source: old-web
    memory: 4GiB
    checks:
      - tcp: 192.0.2.10:80
`;

function refused(text: string): RehomeError {
  try {
    parseConfig(text, "/etc/rehome/rehome.yaml");
  } catch (error) {
    assert.ok(error instanceof RehomeError, String(error));
    assert.equal(error.where.path, "/etc/rehome/rehome.yaml");
    assert.ok(error.remedy !== undefined && error.remedy !== "");
    return error;
  }
  throw new assert.AssertionError({ message: "was accepted" });
}

describe("rehome.yaml", () => {
  it("is read with its defaults, and file names relative to it", () => {
    const config = parseConfig(GOOD, "/etc/rehome/rehome.yaml");
    assert.equal(config.guests["web1"]?.bootTimeout, "5min");
    assert.equal(config.sources["old-web"]?.identity, "/etc/rehome/keys/id");
    assert.equal(config.sources["old-web"].passwordFile, `${homedir()}/secret`);
  });

  const bad: readonly [name: string, change: [string, string], line: number, message: RegExp, remedy: RegExp][] = [
    ["an unknown key", ["address:", "adress:"], 4, /sources\.old-web\.adress: unknown key "adress"/, /"address"/],
    [
      "an unknown key far from any",
      ["    memory: 4GiB", "    zzzzz: 4"],
      10,
      /unknown key "zzzzz"/,
      /known keys here are source, vcpus/,
    ],
    [
      "a missing key",
      ["    source: old-web\n", ""],
      8,
      /guests\.web1\.source: "source" is missing/,
      /add guests\.web1\.source/,
    ],
    ["a wrong type", ["root@192.0.2.10", "[1, 2]"], 4, /a list is not a text/, /sources\.old-web\.address/],
    ["a number where a text belongs", ["4GiB", "4096"], 10, /"4096" is not a text/, /quotes/],
    [
      "a word that YAML 1.1 took as true",
      ["identity: keys/id", "sudo: yes"],
      5,
      /"yes" is not true or false/,
      /true or false/,
    ],
    [
      "a wrong size",
      ["4GiB", "4 apples"],
      10,
      /guests\.web1\.memory: "4 apples" must be a size/,
      /guests\.web1\.memory/,
    ],
    ["an unknown version", ["version: 1", "version: 2"], 1, /"2" is not known here/, /write 1/],
    [
      "a source that is not there",
      ["source: old-web", "source: oldweb"],
      9,
      /there is no source "oldweb"/,
      /"old-web"/,
    ],
    ["a guest name that is no id", ["  web1:", "  1web:"], 8, /"1web" must start with a letter/, /another name/],
    [
      "shell metacharacters in a name",
      ["  web1:", "  'web1; rm -rf $(HOME)':"],
      8,
      /must start with a letter/,
      /another name/,
    ],
    ["a path as a name", ["  web1:", "  ../web1:"], 8, /must start with a letter/, /another name/],
    ["__proto__ as a name", ["  web1:", "  __proto__:"], 8, /__proto__/, /another name/],
    ["shell metacharacters in an address", ["root@192.0.2.10", "root@host;reboot"], 4, /must be user@host/, /address/],
    ["an option as an address", ["root@192.0.2.10", "-oProxyCommand=x@host"], 4, /must be user@host/, /address/],
    ["a check of no kind", ["- tcp:", "- tpc:"], 12, /checks\[0\]\.tpc: unknown key/, /"tcp"/],
    [
      "a check of two kinds",
      ["- tcp: 192.0.2.10:80", "- tcp: a:80\n        ping: a"],
      12,
      /just one of tcp, http, ping/,
      /./,
    ],
    ["a check without a port", ["192.0.2.10:80", "192.0.2.10"], 12, /checks\[0\]\.tcp: .* must be host:port/, /./],
    ["a duplicate key", ["    memory: 4GiB", "    source: b"], 10, /duplicate key "source"/, /keep one/],
    ["a tab", ["    memory: 4GiB", "\tmemory: 4GiB"], 10, /tab/i, /YAML/],
    ["an open bracket", ["4GiB", "[4GiB"], 11, /flow sequence/, /YAML/],
    [
      "a secret",
      ["passwordFile: ~/secret", "password: secret"],
      6,
      /unknown key "password"/,
      /"passwordFile"|known keys/,
    ],
  ];
  for (const [name, [from, to], line, message, remedy] of bad) {
    it(`with ${name} is refused by line ${line} and key`, () => {
      assert.ok(GOOD.includes(from));
      const error = refused(GOOD.replace(from, to));
      assert.equal(error.code, "config-invalid");
      assert.match(error.message, message);
      assert.match(error.remedy ?? "", remedy);
      assert.equal(error.where.line, line);
    });
  }

  it("with a domain of a source that is not of kind xen is refused: its host would be moved", () => {
    const dom0 = "version: 1\nsources:\n  web1:\n    address: root@dom0\n    domain: web1\n";
    const error = refused(dom0);
    assert.match(error.message, /sources\.web1\.domain: "web1" is for a source of kind: xen, and this one is none/);
    assert.equal(error.where.line, 5);
    assert.match(refused(dom0.replace("domain: web1", "destroy: false")).message, /web1\.destroy/);
    parseConfig(`${dom0}    kind: xen\n`, "/etc/rehome/rehome.yaml");
  });

  it("with two guests of one source is refused: both would run what was one", () => {
    const twice = `${GOOD}  web2:\n    source: old-web\n`;
    const error = refused(twice);
    assert.equal(error.code, "config-invalid");
    assert.match(error.message, /guests\.web2\.source: "old-web" is what guest "web1" is made of/);
    assert.equal(error.where.line, 14);
    const domain = (name: string): string =>
      `  ${name}:\n    kind: xen\n    address: ${name}@192.0.2.20\n    domain: web1\n`;
    const xen = `version: 1\nsources:\n${domain("one")}${domain("two")}`;
    const guests = "guests:\n  web1: { source: one }\n  web2: { source: two }\n";
    assert.match(refused(xen + guests).message, /guests\.web2\.source: "two" is what guest "web1" is made of/);
    parseConfig(xen.replace(/web1\n$/, "db1\n") + guests, "/etc/rehome/rehome.yaml");
  });

  it("names every problem, the first one first", () => {
    const error = refused(GOOD.replace("address", "adress").replace("4GiB", "x"));
    assert.equal(error.where.line, 4);
    assert.match(error.output ?? "", /line 10: guests\.web1\.memory/);
  });

  for (const text of ["", "just text", "- a\n- b\n", "---\nversion: 1\n---\nversion: 1\n"]) {
    it(`is no ${JSON.stringify(text)}`, () => {
      assert.equal(refused(text).code, "config-invalid");
    });
  }

  it("that is not there says how to get one", async () => {
    await assert.rejects(loadConfig("/nonexistent/rehome.yaml"), (error) => {
      assert.ok(error instanceof RehomeError);
      assert.equal(error.code, "config-missing");
      assert.match(error.remedy ?? "", /rehome init/);
      return true;
    });
  });
});
