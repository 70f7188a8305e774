import type { ClusterConfig } from "../../lib/config/schema.js";
import { RehomeError } from "../../lib/errors.js";
import { readPasswordFile } from "../../lib/secret-file.js";
import { membersOf } from "./members.js";

/**
 * The passwords of the members' BMCs, by the member's name, from the files or environment variables that rehome.yaml
 * names.
 * @throws RehomeError file-unreadable, secret-exposed, password-missing
 */
export async function bmcPasswords(
  cluster: ClusterConfig,
  env: Readonly<Record<string, string | undefined>>,
): Promise<ReadonlyMap<string, string>> {
  const passwords = new Map<string, string>();
  for (const { name, bmc } of membersOf(cluster)) {
    const { passwordFile, passwordVariable = "" } = bmc;
    const password = passwordFile === undefined ? env[passwordVariable] : await readPasswordFile(passwordFile);
    if (password === undefined || password === "") {
      throw new RehomeError(
        "password-missing",
        `the environment has no ${passwordVariable}, the password of ${name}'s BMC`,
        {
          remedy: `set ${passwordVariable} for rehome, or name a file with passwordFile`,
        },
      );
    }
    passwords.set(name, password);
  }
  return passwords;
}
