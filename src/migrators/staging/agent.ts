import { RehomeError } from "../../lib/errors.js";
import { runChecked } from "../../lib/host/run.js";
import { openPythonAgent } from "./agent-python.js";
import { openShellAgent } from "./agent-sh.js";
import type { OpenAgentOptions, SourceAgent } from "./agent-types.js";

const INTERPRETERS = ["python3", "python2", "python", "/usr/libexec/platform-python"] as const;

/** Prints the first of its arguments that can run the agent. */
const PROBE = `for python; do
  if "$python" -c 'import base64, fcntl, hashlib, io, json, mmap, threading, zlib; hashlib.sha256' 2>/dev/null; then
    echo "$python"
    exit
  fi
done`;

/** Starts the best reader that the source can run. @throws RehomeError source-tool-missing, agent-failed */
export async function openAgent(options: OpenAgentOptions): Promise<SourceAgent> {
  const candidates = options.interpreters ?? INTERPRETERS;
  const probed = await runChecked(options.host, ["sh", "-c", PROBE, "rehome", ...candidates]);
  const python = probed.trim();
  const agent = python === "" ? await openShellAgent(options) : await openPythonAgent(options, python);
  const cached = agent.hello.disks.findIndex((disk) => disk.blockDevice && !disk.direct && disk.error === undefined);
  if (cached !== -1) {
    await agent.close();
    throw new RehomeError("source-tool-missing", "the disk cannot be read past the page cache, which may be stale", {
      machine: options.host.name,
      path: options.disks[cached] ?? "",
      remedy: "install python3, or GNU coreutils for a dd that knows iflag=direct, on the source",
    });
  }
  return agent;
}
