import { RehomeError } from "../../lib/errors.js";
import { PYTHON_BOOTSTRAP, PYTHONS } from "../../lib/host/python.js";
import { AgentLink } from "./agent-process.js";
import { openPythonAgent } from "./agent-python.js";
import { openShellAgent } from "./agent-sh.js";
import type { OpenAgentOptions, SourceAgent } from "./agent-types.js";
import type { Hello } from "./protocol.js";

/**
 * Arguments: interpreters, `--`, disks. Says which interpreter runs the agent (`sh` when none can), and becomes it: the
 * agent comes over standard input.
 */
const START = `while [ "$1" != -- ]; do
  python=$1
  shift
  if "$python" -c 'import base64, fcntl, hashlib, io, json, mmap, threading, zlib; hashlib.sha256' 2>/dev/null </dev/null
  then
    while [ "$1" != -- ]; do shift; done
    shift
    echo "$python"
    exec "$python" -c "${PYTHON_BOOTSTRAP}" "$@"
  fi
done
shift
echo sh
read -r size
eval "$(dd bs=1 count="$size" 2>/dev/null)"`;

/** Starts the best reader that the source can run. @throws RehomeError source-tool-missing, agent-failed */
export async function openAgent(options: OpenAgentOptions): Promise<SourceAgent> {
  const { host, disks, limit, signal, interpreters = PYTHONS } = options;
  const argv = ["sh", "-c", START, "rehome", ...interpreters, "--", ...disks];
  const process = await host.start(argv, signal && { signal });
  const link = new AgentLink(host, process, disks, limit, signal);
  try {
    const interpreter = await link.reader.takeLine();
    if (interpreter === undefined) throw await link.ended();
    const agent = interpreter === "sh" ? await openShellAgent(link) : await openPythonAgent(link);
    refuseCached(host.name, disks, agent.hello);
    return agent;
  } catch (thrown) {
    await link.close();
    throw thrown;
  }
}

/**
 * A device that can only be read through the page cache is not read at all: that may be stale.
 * @throws RehomeError source-tool-missing
 */
export function refuseCached(machine: string, disks: readonly string[], hello: Hello): void {
  const cached = hello.disks.findIndex((disk) => disk.blockDevice && !disk.direct && disk.error === undefined);
  if (cached === -1) return;
  throw new RehomeError("source-tool-missing", "the disk cannot be read past the page cache, which may be stale", {
    machine,
    path: disks[cached] ?? "",
    remedy: "install python3, or GNU coreutils for a dd that knows iflag=direct, on the source",
  });
}
