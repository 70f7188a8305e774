import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { adjustedStateOn, stateOn } from "../../../src/cluster/volumes/replicated/state.js";
import { handOver } from "../../../src/cluster/volumes/replicated/promotion.js";
import { localHost } from "../../../src/lib/host/local-host.js";
import type { Host } from "../../../src/lib/host/types.js";
import { parseXml } from "../../../src/lib/xml.js";

const UP = {
  cstate: "echo Connected",
  role: "echo Secondary/Primary",
  dstate: "echo UpToDate/UpToDate; echo UpToDate/Inconsistent",
  adjust: "echo adjusted",
};

describe("what DRBD says of a volume", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "rehome-state-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  /** The scripts really run, on a drbdadm that does these for `drbdadm WHAT web1`. */
  async function host(verbs: Readonly<Record<string, string>>): Promise<Host> {
    const cases = Object.entries(verbs).map(([verb, does]) => `${verb}) ${does} ;;`);
    const script = `#!/bin/sh\necho "$*" >> ${folder}/asked\ncase "$1" in ${cases.join("\n")} *) exit 10 ;; esac\n`;
    await writeFile(join(folder, "drbdadm"), script, { mode: 0o755 });
    const local = localHost("alpha");
    const env = { PATH: `${folder}:${process.env["PATH"] ?? ""}` };
    return { ...local, run: (argv, options) => local.run(argv, { ...options, env }) };
  }
  const asked = async (): Promise<string> => readFile(join(folder, "asked"), "utf8");

  it("is told by one program", async () => {
    assert.deepEqual(await stateOn(await host(UP), "web1"), {
      ...{ connection: "Connected", role: "Secondary", peerRole: "Primary" },
      ...{ disks: ["UpToDate", "UpToDate"], peerDisks: ["UpToDate", "Inconsistent"] },
    });
  });

  it("is nothing of one that is not up", async () => {
    const down = await host({ cstate: "echo Unconfigured", role: "echo Unconfigured; exit 10" });
    const nothing = { connection: undefined, role: undefined, peerRole: undefined, disks: [], peerDisks: [] };
    assert.deepEqual(await stateOn(down, "web1"), nothing);
    assert.deepEqual(await adjustedStateOn(down, "web1"), nothing);
    assert.doesNotMatch(await asked(), /adjust/, "adjusting would bring it up");
  });

  it("is the same after it was adjusted, which is not done where it is promoted", async () => {
    const up = await host(UP);
    assert.deepEqual(await adjustedStateOn(up, "web1"), await stateOn(up, "web1"));
    assert.match(await asked(), /^adjust web1$/m);
    await rm(join(folder, "asked"));
    const { role } = await adjustedStateOn(await host({ ...UP, role: "echo Primary/Secondary" }), "web1");
    assert.equal(role, "Primary");
    assert.doesNotMatch(await asked(), /adjust/);
  });

  it("cannot be handed over while nobody can tell, or when it cannot be adjusted", async () => {
    await assert.rejects(handOver([await host({ ...UP, role: "exit 11" })], "web1", parseXml("<cib/>", "none")), {
      code: "volume-busy",
    });
    const broken = await host({ ...UP, adjust: "echo 'no such resource' >&2; exit 11" });
    await assert.rejects(adjustedStateOn(broken, "web1"), { code: "command-failed", output: /no such resource/ });
  });

  it("is not handed over unadjusted where nobody could tell at first whether it is promoted", async () => {
    const late = `[ -e ${folder}/late ] && echo Secondary/Secondary || { touch ${folder}/late; exit 11; }`;
    const unsure = await host({ ...UP, role: late });
    await assert.rejects(handOver([unsure], "web1", parseXml("<cib/>", "none")), { code: "volume-busy" });
  });

  it("is not that of one that is not up while DRBD does not answer drbdadm in time", async () => {
    const stuck = "echo 'did not terminate within 5 seconds' >&2; exit 20"; // drbdadm's E_EXEC_ERROR
    const silent = await host({ cstate: stuck, role: stuck, dstate: stuck });
    await assert.rejects(handOver([silent], "web1", parseXml("<cib/>", "none")), {
      code: "command-failed",
      output: /did not terminate/,
    });
  });
});
