import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  fingerprint,
  judgeHostKey,
  knownKeyTypes,
  matchesHosts,
  parseKnownHosts,
} from "../../../../src/lib/host/ssh/known-hosts.js";

/** A key blob of a type; what follows the type does not matter here. */
function key(type: string, body = "1"): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(type.length);
  return Buffer.concat([length, Buffer.from(type), Buffer.from(body)]);
}

function line(hosts: string, blob: Buffer, marker = ""): string {
  return `${marker}${hosts} ${blob.toString("latin1", 4, 4 + blob.readUInt32BE(0))} ${blob.toString("base64")} comment`;
}

const ed = key("ssh-ed25519");
const other = key("ssh-ed25519", "2");
const rsa = key("ssh-rsa");

function judge(lines: readonly string[], host = "web1", port = 22, shown = ed): string {
  return judgeHostKey(parseKnownHosts(lines.join("\n"), "kh"), host, port, shown).is;
}

describe("known_hosts", () => {
  it("knows a host by name, list, wildcard and port", () => {
    assert.equal(judge([line("web1", ed)]), "known");
    assert.equal(judge([line("web1", ed)], "WEB1"), "known");
    assert.equal(judge([line("a,web1,192.0.2.1", ed)]), "known");
    assert.equal(judge([line("web?,db*", ed)]), "known");
    assert.equal(judge([line("[web1]:2222", ed)], "web1", 2222), "known");
    assert.equal(judge([line("[web1]:2222", ed)]), "unknown");
    assert.equal(judge([line("web1", ed)], "web1", 2222), "known", "as ssh: a key of the bare name");
    assert.equal(judge([line("web1", other)], "web1", 2222), "unknown");
    assert.equal(judge([line("webX1", ed), line("web.", ed)]), "unknown", "a dot is a dot");
  });

  it("obeys negation, wherever it stands", () => {
    assert.equal(judge([line("*,!web1", ed)]), "unknown");
    assert.equal(judge([line("!web1,*", ed)]), "unknown");
    assert.equal(judge([line("!web2,*", ed)]), "known");
    assert.ok(!matchesHosts("!web2", "web1"), "only negated patterns match nothing");
  });

  it("calls another key changed, and one of another type too", () => {
    const verdict = judgeHostKey(parseKnownHosts(`# x\n\n${line("web1", other)}`, "kh"), "web1", 22, ed);
    assert.equal(verdict.is, "changed");
    assert.deepEqual(verdict.instead[0]?.where, { path: "kh", line: 3 });
    assert.equal(judge([line("web1", rsa)]), "changed");
    assert.equal(judge([line("web1", rsa), line("web1", other), line("web1", ed)]), "known");
  });

  it("never accepts a revoked key", () => {
    assert.equal(judge([line("web1", ed), line("*", ed, "@revoked ")]), "revoked");
    assert.equal(judge([line("web1", ed), line("*", other, "@revoked ")]), "known");
    assert.equal(judge([line("[web1]:2222", ed), line("web1", ed, "@revoked ")], "web1", 2222), "revoked");
  });

  it("does not take a certificate authority for a host key, and says that it is there", () => {
    const verdict = judgeHostKey(parseKnownHosts(line("*", ed, "@cert-authority "), "kh"), "web1", 22, ed);
    assert.equal(verdict.is, "unknown");
    assert.equal(verdict.authority?.where.line, 1);
  });

  it("skips what it cannot read", () => {
    const damaged = ["web1", "web1 ssh-ed25519", "web1 ssh-ed25519 !!!!", "@other web1 ssh-ed25519 AAAA", "|1|x"];
    assert.deepEqual(parseKnownHosts([...damaged, `web1 ssh-rsa ${ed.toString("base64")}`].join("\n"), "kh"), []);
  });

  it("lists the key types to ask for", () => {
    const entries = parseKnownHosts([line("web1", ed), line("web1", rsa), line("db", other)].join("\r\n"), "kh");
    assert.deepEqual([...knownKeyTypes(entries, "web1", 22)], ["ssh-ed25519", "ssh-rsa"]);
    assert.deepEqual([...knownKeyTypes(entries, "web1", 2222)], ["ssh-ed25519", "ssh-rsa"]);
    assert.deepEqual([...knownKeyTypes(entries, "mail", 22)], []);
  });

  it("reads what ssh-keygen -H hashed, and prints its fingerprints", () => {
    const folder = mkdtempSync(join(tmpdir(), "rehome-known-"));
    try {
      execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(folder, "id")]);
      const [type = "", base64 = ""] = readFileSync(join(folder, "id.pub"), "utf8").split(" ");
      const real = Buffer.from(base64, "base64");
      const path = join(folder, "known_hosts");
      writeFileSync(path, `web1 ${type} ${base64}\n[web1]:2222 ${type} ${base64}\n`);
      execFileSync("ssh-keygen", ["-H", "-f", path], { stdio: "ignore" });
      const entries = parseKnownHosts(readFileSync(path, "utf8"), path);
      assert.ok(entries.every((entry) => entry.hosts.startsWith("|1|")));
      for (const port of [22, 2222]) assert.equal(judgeHostKey(entries, "web1", port, real).is, "known");
      assert.equal(judgeHostKey(entries, "web2", 22, real).is, "unknown");
      assert.equal(judgeHostKey(entries, "web1", 22, ed).is, "changed");
      const printed = execFileSync("ssh-keygen", ["-lf", join(folder, "id.pub")], { encoding: "utf8" });
      assert.equal(fingerprint(real), printed.split(" ")[1]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
