import { withLineEnd } from "../../../lib/with-line-end.js";
import { joinFindings, NOTHING, readText, writeText } from "../text.js";
import type { Edit, Finding, Step, StepContext } from "../types.js";

const GETTY = "T0:23:respawn:/sbin/getty -L ttyS0 115200 vt100";

/**
 * A login on the serial port, and none on the console of Xen, which is no more. systemd starts one wherever the kernel has
 * its console; others must be told.
 */
export const consoleGetty: Step = {
  name: "serial console",
  async check(context) {
    return joinFindings([
      await checkInittab(context),
      await checkUpstart(context),
      await checkUnits(context),
      await checkSecuretty(context),
    ]);
  },
};

/** Xen's console: hvc0, and xvc0 of its old kernels. */
const XEN_CONSOLE = /\b[hx]vc\d+\b/;

async function checkInittab({ files }: StepContext): Promise<Finding> {
  const path = "/etc/inittab";
  const text = await readText(files, path);
  if (text === undefined) return NOTHING;
  const what: string[] = [];
  const lines = text.split("\n").map((line) => {
    if (line.startsWith("#") || !XEN_CONSOLE.test(line) || !/getty/.test(line)) return line;
    what.push("no login on Xen's console any more");
    return `#${line}`;
  });
  let changed = lines.join("\n");
  if (!changed.split("\n").some((line) => /^[^#]*getty/.test(line) && /\bttyS0\b/.test(line))) {
    const offered = /^#\s*T0:.*\bttyS0\b.*$/m; // Debian's inittab has the line as an example
    changed = offered.test(changed) ? changed.replace(offered, GETTY) : `${withLineEnd(changed)}${GETTY}\n`;
    what.push("a login on ttyS0");
  }
  return { edits: what.length === 0 ? [] : [writeText(path, changed, [...new Set(what)])], warnings: [] };
}

/** Upstart's and systemd's logins on Xen's console, which would wait for it, or be started again and again. */
async function checkUnits({ files }: StepContext): Promise<Finding> {
  const edits: Edit[] = [];
  for (const folder of ["/etc/init", "/etc/systemd/system/getty.target.wants"]) {
    for (const name of await files.list(folder)) {
      if (!/^(?:[hx]vc\d+\.conf|(?:serial-)?getty@[hx]vc\d+\.service)$/.test(name)) continue;
      edits.push({ kind: "remove", path: `${folder}/${name}`, what: ["no login on Xen's console any more"] });
    }
  }
  return { edits, warnings: [] };
}

async function checkUpstart({ files }: StepContext): Promise<Finding> {
  const path = "/etc/init/ttyS0.conf";
  if ((await files.stat("/etc/init/rc-sysinit.conf")) === undefined || (await hasSystemd(files))) return NOTHING;
  if ((await files.stat(path)) !== undefined) return NOTHING;
  const text = [
    "# Added when this server was moved: a login on the virtual machine's serial port.",
    "start on stopped rc RUNLEVEL=[2345]",
    "stop on runlevel [!2345]",
    "respawn",
    "exec /sbin/getty -L 115200 ttyS0 vt100",
    "",
  ].join("\n");
  return { edits: [writeText(path, text, ["a login on ttyS0"])], warnings: [] };
}

/** Where it lists terminals, root may log in on those only. */
async function checkSecuretty({ files }: StepContext): Promise<Finding> {
  const path = "/etc/securetty";
  const text = await readText(files, path);
  if (text === undefined || /^ttyS0[ \t]*$/m.test(text)) return NOTHING;
  const changed = `${withLineEnd(text)}ttyS0\n`;
  return { edits: [writeText(path, changed, ["root may log in on ttyS0"])], warnings: [] };
}

export async function hasSystemd(files: StepContext["files"]): Promise<boolean> {
  const found = await Promise.all(["/lib/systemd/systemd", "/usr/lib/systemd/systemd"].map((path) => files.stat(path)));
  return found.some((status) => status !== undefined);
}
