import type { Edit, Finding, GuestFilesystem } from "./types.js";

/** Text files of a guest are handled as latin1, so that bytes which are no valid UTF-8 stay as they are. */
export async function readText(files: GuestFilesystem, path: string): Promise<string | undefined> {
  return (await files.read(path))?.toString("latin1");
}

/** An edit that replaces a text file's content. */
export function writeText(path: string, text: string, what: readonly string[]): Edit {
  return { kind: "write", path, content: Buffer.from(text, "latin1"), what };
}

export const NOTHING: Finding = { edits: [], warnings: [] };

export function joinFindings(findings: readonly Finding[]): Finding {
  return {
    edits: findings.flatMap((finding) => finding.edits),
    warnings: findings.flatMap((finding) => finding.warnings),
  };
}
