import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { addGuest, type GuestRequest } from "../../../src/cluster/replicated-guest/index.js";
import { outdating } from "../../../src/cluster/replicated-guest/steps.js";
import { silentReport } from "../../../src/lib/report.js";
import type { FakeAnswer, FakeHost } from "../../helpers/fake-host.js";
import { DOMAIN, guestWorld, type GuestHost, type World } from "./world.js";

const OPTIONS = { report: silentReport };
const REQUEST: GuestRequest = {
  ...{ name: "web1", xml: () => DOMAIN, source: "web1.xml", volume: "web1", start: false },
  preferred: "alpha",
  release: () => Promise.resolve(),
};

describe("a host that missed what rehome wrote to a volume", () => {
  let world: World;
  afterEach(() => world.end());

  function begin(prepare: (host: FakeHost) => void = () => undefined): void {
    world = guestWorld(undefined, (host) => {
      host.on(["drbdadm", "adjust", "web1"], "");
      prepare(host);
    });
  }

  /** A volume whose hosts do not see each other, each of which takes what it has for current until it is told. */
  function disconnected(refusal?: FakeAnswer): void {
    begin((host) => {
      let disks = "UpToDate/DUnknown\nUpToDate/DUnknown\n";
      host
        .on(["drbdadm", "cstate", "web1"], "WFConnection\nWFConnection\n")
        .on(["drbdadm", "role", "web1"], "Secondary/Unknown\nSecondary/Unknown\n")
        .on(["drbdadm", "dstate", "web1"], () => disks)
        .on(/^sh -c said=\$\(drbdadm dstate/, () => ({ exitCode: /^UpToDate/m.test(disks) ? 1 : 0 }))
        .on(/drbdadm outdate/, () => {
          if (refusal !== undefined) return refusal;
          disks = disks.replaceAll("UpToDate/", "Outdated/");
          return "";
        });
    });
  }
  const outdated = ({ asked }: GuestHost): boolean => asked.some((line) => line.includes("drbdadm outdate"));

  it("is told so before the cluster can promote it there", async () => {
    disconnected();
    const { notes } = await addGuest(world.session, REQUEST, OPTIONS);
    assert.match(notes.join("\n"), /not yet highly available/);
    const { asked } = world.beta;
    const told = asked.findIndex((line) => line.includes("drbdadm outdate"));
    assert.ok(told >= 0 && !outdated(world.alpha));
    assert.doesNotMatch(asked.slice(0, told).join("\n"), /cibadmin --(patch|replace)/);
    assert.match(readFileSync(world.cib, "utf8"), /ms-drbd-web1/);
    const before = asked.length;
    await addGuest(world.session, REQUEST, OPTIONS);
    assert.ok(!asked.slice(before).some((line) => line.includes("drbdadm outdate")), "the cluster has it by now");
  });

  it("is left as it is where the hosts see each other, or nobody knows who has more", async () => {
    begin();
    await addGuest(world.session, REQUEST, OPTIONS);
    assert.ok(!outdated(world.beta) && !outdated(world.alpha));
    world.end();
    disconnected();
    await addGuest(world.session, { ...REQUEST, preferred: undefined }, OPTIONS);
    assert.ok(!outdated(world.beta) && !outdated(world.alpha));
  });

  it("is registered on only when it could be told", async () => {
    disconnected({ exitCode: 17, stderr: "State change failed: (-7) Refusing to be Outdated while Connected" });
    await assert.rejects(addGuest(world.session, REQUEST, OPTIONS), { code: "command-failed" });
    assert.doesNotMatch(readFileSync(world.cib, "utf8"), /ms-drbd-web1/);
  });
});

describe("whether a host knows that it is behind", () => {
  const folder = mkdtempSync(join(tmpdir(), "rehome-behind-"));
  after(() => rmSync(folder, { recursive: true }));

  /** What the step's own script says where drbdadm says that. */
  function knows(said: string, exitCode = 0): boolean {
    const [step] = outdating("web1", ["beta"]);
    assert.ok(step?.kind === "command");
    const [program = "", ...argv] = step.unless;
    writeFileSync(join(folder, "drbdadm"), `#!/bin/sh\nprintf '${said}'\nexit ${exitCode}\n`);
    chmodSync(join(folder, "drbdadm"), 0o755);
    try {
      execFileSync(program, argv, { env: { PATH: `${folder}:${process.env["PATH"] ?? ""}` }, stdio: "pipe" });
      return true;
    } catch {
      return false;
    }
  }

  it("is taken from every part of the volume, and from nothing but a clear word", () => {
    assert.equal(knows("Outdated/DUnknown\\nOutdated/DUnknown\\n"), true);
    assert.equal(knows("Inconsistent/UpToDate\\nUpToDate/UpToDate\\n"), true); // it is being brought up to date
    assert.equal(knows("Outdated/DUnknown\\nUpToDate/DUnknown\\n"), false);
    assert.equal(knows("Consistent/DUnknown\\n"), false);
    assert.equal(knows("Unconfigured\\n"), false);
    assert.equal(knows(""), false);
    assert.equal(knows("Outdated/DUnknown\\n", 20), false);
  });
});
