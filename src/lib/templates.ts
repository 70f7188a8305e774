import { readFile } from "node:fs/promises";
import { RehomeError } from "./errors.js";

const FOLDER = new URL("../../templates/", import.meta.url);

/** The text of a file in templates/, which lands on machines. @throws RehomeError file-unreadable */
export async function readTemplate(name: string): Promise<string> {
  try {
    return await readFile(new URL(name, FOLDER), "utf8");
  } catch (cause) {
    throw new RehomeError("file-unreadable", "a file of rehome's own is missing", {
      path: new URL(name, FOLDER).pathname,
      remedy: "install rehome again",
      cause,
    });
  }
}
