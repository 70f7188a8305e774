"use strict";
// Stands in for Pacemaker's command line tools when an agent calls them: passes the call on to the runtime.
const net = require("node:net");
const path = require("node:path");

const names = ["OCF_RESOURCE_INSTANCE", "OCF_RESKEY_CRM_meta_on_node", "OCF_RESKEY_CRM_meta_on_node_uuid"];
const request = {
  tool: path.basename(process.argv[1]),
  argv: process.argv.slice(2),
  env: Object.fromEntries(names.filter((name) => name in process.env).map((name) => [name, process.env[name]])),
};

/** Pacemaker's exit status for "lost the connection". */
const DISCONNECTED = 102;

function fail(reason) {
  process.stderr.write(`${request.tool}: the runtime does not answer: ${reason}\n`);
  process.exitCode = DISCONNECTED;
}

const socket = net.connect(process.env.REHOME_RUNTIME_SOCKET ?? "");
let answer = "";
socket.setEncoding("utf8");
socket.on("connect", () => socket.write(`${JSON.stringify(request)}\n`));
socket.on("data", (data) => (answer += data));
socket.on("error", (error) => fail(error.message));
socket.on("end", () => {
  if (answer === "") return fail("it closed the connection");
  const { code, stdout, stderr } = JSON.parse(answer);
  process.stdout.write(stdout);
  process.stderr.write(stderr);
  process.exitCode = code;
});
