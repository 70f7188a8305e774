import { chmod, copyFile, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createServer, connect, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { RehomeError } from "../../../lib/errors.js";
import { makeFolder } from "../../../lib/folder.js";
import { attrdUpdater, crmAttribute, crmMaster } from "./attribute-tools.js";
import { cibadmin, crmadmin, crmNode, crmResource } from "./cluster-tools.js";
import { CRM_EXIT, refused, type Tool, type ToolAnswer, type ToolContext, type ToolRequest } from "./types.js";

/** The tools that agents call. pacemakerd is left out on purpose: without it agents take the node's name from uname. */
const TOOLS: Readonly<Record<string, Tool>> = {
  attrd_updater: attrdUpdater,
  crm_attribute: crmAttribute,
  crm_master: crmMaster,
  crm_resource: crmResource,
  crm_node: crmNode,
  cibadmin,
  crmadmin,
};

/** templates/, next to src/ and dist/ alike. */
const TEMPLATE = fileURLToPath(new URL("../../../../templates/cluster-shim.cjs", import.meta.url));

/** Makes the folder of stand-ins for Pacemaker's tools, anew each time: they belong to this very Node. */
export async function writeShims(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await makeFolder(folder, 0o700);
  const program = join(folder, "shim.cjs");
  await copyFile(TEMPLATE, program);
  await writeFile(program, `#!${process.execPath}\n${await readFile(TEMPLATE, "utf8")}`);
  await chmod(program, 0o700);
  for (const name of Object.keys(TOOLS)) await symlink("shim.cjs", join(folder, name));
}

/** Runs one tool. Never rejects: what goes wrong is the tool's own error. */
export async function runTool(request: ToolRequest, context: ToolContext): Promise<ToolAnswer> {
  const tool = TOOLS[request.tool];
  if (tool === undefined) return refused(CRM_EXIT.unsupported, `${request.tool} is not supported by this runtime`);
  try {
    return await tool(request, context);
  } catch (thrown) {
    return refused(CRM_EXIT.usage, `${request.tool}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  }
}

export type Answer = (request: ToolRequest) => Promise<ToolAnswer>;

/** Longest path of a unix socket, sockaddr_un without its final zero. */
const LONGEST_PATH = 107;

/** Listens on the runtime's socket, which only root may use. @throws RehomeError file-unwritable */
export async function serve(path: string, answer: Answer): Promise<Server> {
  if (Buffer.byteLength(path) > LONGEST_PATH) {
    throw new RehomeError("file-unwritable", `the path of the runtime's socket is longer than ${LONGEST_PATH} bytes`, {
      path,
      remedy: "choose a shorter state folder (rehome.yaml: target.state)",
    });
  }
  await rm(path, { force: true }); // the lock says that no other runtime listens there
  const server = createServer((socket) => void converse(socket, answer));
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => {
      reject(new RehomeError("file-unwritable", `cannot listen: ${cause.message}`, { path, cause }));
    });
    server.listen(path, resolve);
  });
  await chmod(path, 0o600);
  return server;
}

async function converse(socket: Socket, answer: Answer): Promise<void> {
  socket.on("error", () => undefined); // whoever asked has gone: nobody waits for the answer
  const line = await readLine(socket);
  if (line === undefined) return;
  socket.end(JSON.stringify(await answer(parseRequest(line))));
}

const LONGEST_REQUEST = 1024 * 1024;

function readLine(socket: Socket): Promise<string | undefined> {
  return new Promise((resolve) => {
    let text = "";
    socket.setEncoding("utf8");
    socket.on("data", (part: string) => {
      text += part;
      const end = text.indexOf("\n");
      if (end !== -1) resolve(text.slice(0, end));
      else if (text.length > LONGEST_REQUEST) socket.destroy();
    });
    socket.once("close", () => resolve(undefined));
  });
}

function parseRequest(line: string): ToolRequest {
  try {
    const { tool, argv, env } = JSON.parse(line) as Partial<ToolRequest>;
    return { tool: tool ?? "", argv: argv ?? [], env: env ?? {} };
  } catch {
    return { tool: "", argv: [], env: {} };
  }
}

/** Asks a runtime. @throws RehomeError runtime-not-running, runtime-unreachable */
export function ask(path: string, request: ToolRequest, timeoutMs = 10_000): Promise<ToolAnswer> {
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect(path);
    socket.setEncoding("utf8");
    socket.setTimeout(timeoutMs, () => {
      socket.destroy();
      reject(new RehomeError("runtime-unreachable", "the runtime does not answer", { path }));
    });
    socket.once("connect", () => socket.write(`${JSON.stringify(request)}\n`));
    socket.on("data", (part: string) => (text += part));
    socket.once("error", (cause) => {
      reject(
        new RehomeError("runtime-not-running", "no runtime keeps this cluster", {
          path,
          remedy: "start it: systemctl start rehome-runtime, or rehome runtime in another terminal",
          cause,
        }),
      );
    });
    socket.once("end", () => {
      if (text === "") reject(new RehomeError("runtime-unreachable", "the runtime closed the connection", { path }));
      else resolve(JSON.parse(text) as ToolAnswer);
    });
  });
}
