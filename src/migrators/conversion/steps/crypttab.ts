import { isVolatile, resolveDevice } from "../devices.js";
import { replaceField } from "../fstab.js";
import { NOTHING, readText, writeText } from "../text.js";
import type { Step } from "../types.js";

const PATH = "/etc/crypttab";

/** crypttab(5): `name device key options`. Devices by UUID; that a passphrase will be asked for is said. */
export const crypttab: Step = {
  name: "crypttab",
  async check(context) {
    const text = await readText(context.files, PATH);
    if (text === undefined) return NOTHING;
    const what: string[] = [];
    const warnings: string[] = [];
    const lines = text.split("\n").map((line, index) => {
      const [name, device, key = "none"] = line.trim().split(/\s+/);
      if (name === undefined || device === undefined || name.startsWith("#")) return line;
      if (key === "none" || key === "-") {
        warnings.push(`${PATH}:${index + 1}: ${name} asks for a passphrase when the guest boots, on its console`);
      }
      if (!isVolatile(device)) return line;
      const uuid = resolveDevice(device, context)?.uuid;
      if (uuid === undefined) {
        warnings.push(`${PATH}:${index + 1}: ${device} was not found on the staged disks`);
        return line;
      }
      what.push(`${device} for ${name} is now UUID=${uuid}`);
      return replaceField(line, 1, `UUID=${uuid}`);
    });
    return { edits: what.length === 0 ? [] : [writeText(PATH, lines.join("\n"), what)], warnings };
  },
};
