import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
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

  describe("a reader of what is shown", () => {
    const state = (): string => join(folder, "state");
    const rehome = (command: string, output: number | "pipe", ...argv: string[]): ChildProcess => {
      const program = [join(ROOT, "bin/dev.js"), ...command.split(" "), ...argv, "--state", state()];
      return spawn(process.execPath, program, { cwd: ROOT, stdio: ["ignore", output, "pipe"] });
    };
    beforeEach(async () => {
      await mkdir(state());
      await copyFile(join(ROOT, "test/fixtures/cibs/two-nodes.xml"), join(state(), "cib.xml"));
    });

    it("that has no room is said, without a stack", async () => {
      const full = await open("/dev/full", "w");
      const child = rehome("cluster configure show", full.fd);
      const [said] = await Promise.all([text(child.stderr!), once(child, "exit")]);
      await full.close();
      assert.match(said, /^standard output: cannot print: no space left on device \[file-unwritable\]\n {2}→ .*\n$/);
      assert.equal(child.exitCode, 1);
    });

    it("that went away ends a display that goes on", async () => {
      const child = rehome("cluster status", "pipe", "--watch");
      await once(child.stdout!, "data");
      child.stdout!.destroy();
      const path = join(state(), "cib.xml");
      await writeFile(path, (await readFile(path, "utf8")).replace('num_updates="20"', 'num_updates="21"'));
      await once(child, "exit");
    });
  });
});
