import { dirname } from "node:path/posix";
import type { Edit, GuestFilesystem } from "./types.js";

/** Carries out one edit. */
export async function applyEdit(files: GuestFilesystem, edit: Edit): Promise<void> {
  switch (edit.kind) {
    case "write":
      await files.makeFolder(dirname(edit.path));
      return files.write(edit.path, edit.content);
    case "append":
      return files.append(edit.path, edit.content);
    case "remove":
      return files.remove(edit.path);
    case "unpack":
      await files.makeFolder(edit.path);
      return files.unpack(edit.archive, edit.path);
    case "disk":
      return files.writeDisk(edit.device, edit.offset, edit.content);
    case "link":
      await files.makeFolder(dirname(edit.path));
      return files.link(edit.target, edit.path);
    case "command":
      await files.command(edit.argv, edit.timeoutMs);
  }
}

/** Paths that an edit touches. */
export function filesOf(edit: Edit): readonly string[] {
  if (edit.kind === "disk") return [`/dev/${edit.device}`];
  return edit.kind === "command" ? edit.files : [edit.path];
}
