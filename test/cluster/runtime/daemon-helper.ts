import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseCib } from "../../../src/cluster/cib/check.js";
import { clusterPaths, type ClusterPaths } from "../../../src/cluster/paths.js";
import { runRuntime } from "../../../src/cluster/runtime/daemon.js";
import { eventLines } from "../../../src/cluster/runtime/log-text.js";
import type { RuntimeEvent } from "../../../src/cluster/runtime/types.js";
import { schedule } from "../../../src/cluster/scheduler/index.js";
import type { XmlElement } from "../../../src/lib/xml.js";

/** A runtime in this process, with a state folder of its own. */
export interface TestRuntime {
  readonly paths: ClusterPaths;
  readonly events: RuntimeEvent[];
  cib(): Promise<XmlElement>;
  /** Waits until something is so, or throws with the log after `ms`. */
  until(what: string, holds: () => boolean | Promise<boolean>, ms?: number): Promise<void>;
  start(options?: { stopResources?: boolean }): void;
  /** Ends the runtime in order. */
  stop(): Promise<void>;
  remove(): Promise<void>;
}

export const NODE = "node1";

/**
 * @param resources XML of the resources section
 * @param under where its state folder is made
 */
export async function testRuntime(
  resources: string,
  agentFolders?: readonly string[],
  under: string = tmpdir(),
  fenceFolder?: string,
): Promise<TestRuntime> {
  const folder = await mkdtemp(join(under, "rehome-rt-"));
  const paths = clusterPaths(folder);
  await writeFile(paths.cib, cibText(resources));
  const events: RuntimeEvent[] = [];
  let ending = new AbortController();
  let running: Promise<void> | undefined;
  const runtime: TestRuntime = {
    paths,
    events,
    cib: async () => parseCib(await readFile(paths.cib, "utf8"), paths.cib),
    async until(what, holds, ms = 15_000) {
      const end = Date.now() + ms;
      while (!(await holds())) {
        if (Date.now() > end) throw new Error(`not in time: ${what}\n${events.flatMap(eventLines).join("\n")}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    start(options = {}) {
      ending = new AbortController();
      running = runRuntime({
        ...{
          paths,
          nodeName: NODE,
          schedule,
          signal: ending.signal,
          ...(agentFolders && { agentFolders }),
          ...(fenceFolder !== undefined && { fenceFolder }),
        },
        stopResources: options.stopResources ?? false,
        log: (event) => void events.push(event),
      });
      running.catch(() => undefined);
    },
    async stop() {
      const ended = running;
      running = undefined;
      ending.abort();
      await ended;
    },
    async remove() {
      if (running !== undefined) await runtime.stop();
      await rm(folder, { recursive: true });
    },
  };
  return runtime;
}

export function cibText(resources: string): string {
  return `<cib validate-with="pacemaker-3.9" crm_feature_set="3.16.1" epoch="1" num_updates="0" admin_epoch="0">
  <configuration>
    <crm_config>
      <cluster_property_set id="opts"><nvpair id="opts-stonith" name="stonith-enabled" value="false"/></cluster_property_set>
    </crm_config>
    <nodes><node id="1" uname="${NODE}"/></nodes>
    <resources>${resources}</resources>
    <constraints/>
  </configuration>
  <status/>
</cib>
`;
}
