import { readFile, stat } from "node:fs/promises";
import { RehomeError } from "./errors.js";

/**
 * The first line of a file that only its owner may read: a password.
 * @throws RehomeError file-unreadable, secret-exposed
 */
export async function readPasswordFile(path: string): Promise<string> {
  await mustBePrivate(path, "password file");
  const [password = ""] = (await readSecretText(path, "password file")).split(/\r?\n/, 1);
  if (password !== "") return password;
  throw new RehomeError("file-unreadable", "the password file has an empty first line", {
    path,
    remedy: "write the password into its first line",
  });
}

/** @param what names the file in messages: `private key` @throws RehomeError file-unreadable, secret-exposed */
export async function mustBePrivate(path: string, what: string): Promise<void> {
  let mode: number;
  try {
    ({ mode } = await stat(path));
  } catch (cause) {
    throw unreadable(path, what, cause);
  }
  if ((mode & 0o077) === 0) return;
  throw new RehomeError("secret-exposed", `others may read the ${what} (mode ${(mode & 0o777).toString(8)})`, {
    path,
    remedy: "make it yours alone with chmod 600",
  });
}

/** @throws RehomeError file-unreadable */
export async function readSecretText(path: string, what: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw unreadable(path, what, cause);
  }
}

function unreadable(path: string, what: string, cause: unknown): RehomeError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const remedy = `check the path of the ${what}, and that you may read it`;
  return new RehomeError("file-unreadable", `cannot read the ${what}: ${reason}`, { path, remedy, cause });
}
