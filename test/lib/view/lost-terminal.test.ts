import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

describe("a terminal that goes away", function () {
  this.timeout(120_000);
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "rehome-hangup-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  /** `rehome inspect` of a port that accepts and says nothing: it waits until it is told to stop. */
  async function waiting(onTerminal: boolean): Promise<{ child: ChildProcess; server: Server }> {
    const script = join(folder, "inspect.mts");
    const quoted = (path: string): string => JSON.stringify(join(ROOT, path));
    await writeFile(
      script,
      `import { writeFileSync } from "node:fs";
import { Config } from ${quoted("node_modules/@oclif/core/lib/index.js")};
import Inspect from ${quoted("src/commands/inspect.ts")};
process.on("exit", (status) => writeFileSync(${JSON.stringify(join(folder, "status"))}, String(status)));
await Inspect.run(process.argv.slice(2), await Config.load({ root: ${quoted("")} })).catch((error) => {
  process.exit(error.oclif?.exit ?? 99);
});
`,
    );
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const argv = [process.execPath, "--import", "tsx", script, `root@127.0.0.1:${port}`];
    const [program = "", ...rest] = onTerminal ? ["script", "-qfc", argv.join(" "), "/dev/null"] : argv;
    const child = spawn(program, rest, { cwd: ROOT, stdio: ["pipe", "pipe", "pipe"] });
    await once(server, "connection");
    return { child, server };
  }

  async function statusOfEnd(): Promise<string> {
    while (!existsSync(join(folder, "status"))) await delay(50);
    await delay(50);
    return readFile(join(folder, "status"), "utf8");
  }

  it("lets a command end in order, although nobody is left to read what it prints", async () => {
    const { child, server } = await waiting(true);
    child.kill("SIGKILL"); // script(1) holds the terminal
    assert.equal(await statusOfEnd(), "9");
    server.close();
  });

  it("means nothing to a command without one", async () => {
    const { child, server } = await waiting(false);
    child.stdout?.destroy();
    child.stderr?.destroy();
    child.kill("SIGHUP");
    await delay(1000);
    assert.equal(existsSync(join(folder, "status")), false);
    child.kill("SIGTERM");
    assert.equal(await statusOfEnd(), "9");
    server.close();
  });
});
