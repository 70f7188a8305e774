import type { Concern } from "../../types.js";
import { concern } from "../concerns.js";
import { allDevices, listed, movedDisks, type PlanContext } from "../context.js";
import { isSystem } from "./file-systems.js";

/** The conversion must read the system; data may stay locked. */
export function checkEncryption(context: PlanContext): readonly Concern[] {
  const devices = allDevices(movedDisks(context));
  const encrypted = devices.filter(({ device }) => device.format === "crypto_LUKS").map(({ device }) => device.path);
  const system = devices.filter(
    ({ device, above }) =>
      isSystem(device.mountPoint) &&
      above.some((under) => under.format === "crypto_LUKS" || ("type" in under && under.type === "crypt")),
  );
  if (system.length > 0) {
    const points = [...new Set(system.flatMap(({ device }) => device.mountPoint ?? []))];
    return [
      concern(
        "encrypted-root",
        `${listed(points)} ${points.length === 1 ? "is" : "are"} on an encrypted device (${listed(encrypted)})`,
        "encrypted systems cannot be converted by this version",
      ),
    ];
  }
  if (encrypted.length === 0) return [];
  return [
    concern(
      "encrypted-disk",
      `${listed([...new Set(encrypted)])} ${encrypted.length === 1 ? "is" : "are"} encrypted and copied as they are, zeros included`,
      "have the passphrase or key file at hand: the guest asks for it as the source does",
    ),
  ];
}
