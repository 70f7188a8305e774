import type { AutoFolders } from "../types.js";

/** Where the host starts domains from when nothing names another folder. */
export const AUTO = "/etc/xen/auto";

/** A text file of the host. */
interface TextFile {
  readonly path: string;
  readonly text: string;
}

/** What one file says: its folder (empty: none), or the line that is not understood. */
interface Setting {
  readonly folder?: string | undefined;
  readonly unclear?: AutoFolders["unclear"];
}

/** `NAME=value`, the value in pieces with and without quotes, and a comment. */
const ASSIGNMENT =
  /^[ \t]*(?:export[ \t]+)?([A-Za-z_]\w*)=((?:[^\s"'`$\\;&|<>()#]|'[^']*'|"(?:[^"\\]|\\.)*"|\$\w+(?!\w)|\$\{\w+\})*)(?:[ \t]+#.*|[ \t]*)$/;

/** One word, and the same word for a shell that reads it without quotes: xendomains does that. */
const PLAIN = /^(["']?)((?:\/[\w./+@:,%-]*)?)\1$/;

/**
 * The folders that Xen's xendomains starts domains from: a shell script that runs the file of its settings
 * (/etc/default/xendomains, /etc/sysconfig/xendomains) as a part of itself. Here the file is only read, so anything in it
 * but assignments, which could set the folder in ways that nobody sees, is not understood.
 * @param files those that there are; which of them counts depends on the script, so all do
 */
export function parseXendomains(files: readonly TextFile[]): AutoFolders {
  const settings = files.map(settingOf);
  const unclear = settings.find((setting) => setting.unclear !== undefined)?.unclear;
  if (unclear !== undefined) return { folders: [AUTO], unclear };
  const named = settings.map(({ folder = AUTO }) => folder).filter((folder) => folder !== "");
  return { folders: files.length === 0 ? [AUTO] : [...new Set(named)] };
}

function settingOf({ path, text }: TextFile): Setting {
  let folder: string | undefined;
  for (const [index, line] of text.split("\n").entries()) {
    if (/^[ \t]*(?:#.*)?$/.test(line)) continue;
    const [, name, value = ""] = ASSIGNMENT.exec(line) ?? [];
    const plain = name === "XENDOMAINS_AUTO" ? PLAIN.exec(value)?.[2] : undefined;
    if (plain !== undefined) folder = plain.replace(/(?<=.)\/+$/, "");
    else if (name === undefined || /XENDOMAINS_AUTO\b/.test(line)) {
      return { unclear: { path, line: index + 1, text: line.trim().slice(0, 80) } };
    }
  }
  return { folder };
}
