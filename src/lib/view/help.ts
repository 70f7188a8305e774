import { Help, type Command } from "@oclif/core";
import { wrap } from "./table.js";

/** oclif's help, in lines that are filled: where a description is broken in the source means nothing. */
export default class FilledHelp extends Help {
  override formatCommand(command: Command.Loadable): string {
    const { description } = command;
    return super.formatCommand({ ...command, ...(description !== undefined && { description: filled(description) }) });
  }

  /** What oclif itself does not wrap: the line on top. */
  protected override log(...texts: string[]): void {
    super.log(...texts.map((text) => text.split("\n").flatMap(this.fitting).join("\n")));
  }

  private readonly fitting = (line: string): readonly string[] => wrap(line, this.opts.maxWidth);
}

/** Paragraphs in one line each. A line that begins with a blank stays one by itself. */
export function filled(text: string): string {
  return text.replace(/^(\S.*)\n(?=\S)/gm, "$1 ");
}
