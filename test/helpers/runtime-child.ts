import { clusterPaths } from "../../src/cluster/paths.js";
import { runRuntime } from "../../src/cluster/runtime/daemon.js";
import { eventLines } from "../../src/cluster/runtime/log-text.js";
import { schedule } from "../../src/cluster/scheduler/index.js";

/** A runtime as a process: STATE-FOLDER NODE. Stops its resources when it is told to end. */
const [folder = "", nodeName = ""] = process.argv.slice(2);
const ending = new AbortController();
process.on("SIGTERM", () => ending.abort());
await runRuntime({
  ...{ paths: clusterPaths(folder), nodeName, schedule, signal: ending.signal, stopResources: true },
  log: (event) => eventLines(event).forEach((line) => process.stdout.write(`${line}\n`)),
});
