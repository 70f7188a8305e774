import { joinFindings, NOTHING, readText, writeText } from "../text.js";
import type { Finding, Step, StepContext } from "../types.js";

const GETTY = "T0:23:respawn:/sbin/getty -L ttyS0 115200 vt100";

/** A login on the serial port. systemd starts one wherever the kernel has its console; others must be told. */
export const consoleGetty: Step = {
  name: "serial console",
  async check(context) {
    return joinFindings([await checkInittab(context), await checkUpstart(context), await checkSecuretty(context)]);
  },
};

async function checkInittab({ files }: StepContext): Promise<Finding> {
  const path = "/etc/inittab";
  const text = await readText(files, path);
  if (text === undefined || /^[^#\n]*getty.*\bttyS0\b/m.test(text)) return NOTHING;
  const offered = /^#\s*T0:.*\bttyS0\b.*$/m; // Debian's inittab has the line as an example
  const changed = offered.test(text) ? text.replace(offered, GETTY) : `${text.replace(/\n*$/, "\n")}${GETTY}\n`;
  return { edits: [writeText(path, changed, ["a login on ttyS0"])], warnings: [] };
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
  if (text === undefined || /^ttyS0\s*$/m.test(text)) return NOTHING;
  const changed = `${text.replace(/\n*$/, "\n")}ttyS0\n`;
  return { edits: [writeText(path, changed, ["root may log in on ttyS0"])], warnings: [] };
}

export async function hasSystemd(files: StepContext["files"]): Promise<boolean> {
  const found = await Promise.all(["/lib/systemd/systemd", "/usr/lib/systemd/systemd"].map((path) => files.stat(path)));
  return found.some((status) => status !== undefined);
}
