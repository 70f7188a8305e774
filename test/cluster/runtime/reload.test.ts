import assert from "node:assert/strict";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setParameter } from "../../../src/cluster/control.js";
import { fileCib } from "../../../src/cluster/cib/store.js";
import { descendantsOf } from "../../../src/lib/xml.js";
import { crmSimulate } from "../../helpers/crm-simulate.js";
import { testRuntime, type TestRuntime } from "./daemon-helper.js";

/** Real agents: one that follows OCF 1.1, and one from before. */
describe("a changed parameter that an agent can take over", function () {
  this.timeout(120_000);
  let runtime: TestRuntime;
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "rehome-reload-"));
  });
  afterEach(async () => {
    await runtime.remove();
    await rm(folder, { recursive: true });
  });

  const ran = (task: string): number =>
    runtime.events.filter((event) => event.type === "operation" && event.task === task && event.rc === 0).length;
  const change = async (name: string, value: string): Promise<void> => {
    await fileCib(runtime.paths, { client: "test" }).update(setParameter("web", name, value));
  };

  for (const provider of ["pacemaker", "heartbeat"]) {
    it(`is not a restart: ocf:${provider}:Dummy`, async () => {
      const state = join(folder, "state");
      runtime = await testRuntime(`<primitive id="web" class="ocf" provider="${provider}" type="Dummy">
        <instance_attributes id="ia"><nvpair id="st" name="state" value="${state}"/></instance_attributes>
        <operations><op id="mon" name="monitor" interval="10s" timeout="20s"/></operations></primitive>`);
      runtime.start({ stopResources: true });
      const monitored = (times: number) => (): boolean => ran("monitor") >= times;
      await runtime.until("monitored", monitored(1));
      const { ino } = await stat(state);
      await change("fake", "another");
      await runtime.until("reloaded and monitored", () => ran("reload-agent") === 1 && ran("monitor") >= 2);
      assert.equal(ran("stop"), 0);
      assert.equal((await stat(state)).ino, ino);
      await runtime.until("idle", () => runtime.events.at(-1)?.type === "transition-end");
      const last = descendantsOf(await runtime.cib(), "lrm_rsc_op").find((at) => at.attributes["id"] === "web_last_0");
      assert.equal(last?.attributes["operation"], "start");
      assert.equal(last.attributes["op-force-restart"], "  state  ");
      assert.equal(crmSimulate(await runtime.cib(), Date.now()).actions.length, 0, "Pacemaker would change nothing");

      await change("state", join(folder, "elsewhere"));
      await runtime.until("restarted", () => ran("stop") === 1 && ran("start") === 2);
      await runtime.until("the old one is gone", () =>
        stat(state).then(
          () => false,
          () => true,
        ),
      );
    });
  }
});
