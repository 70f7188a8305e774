import type { Hook } from "@oclif/core";
import { formatError } from "../lib/errors.js";
import { errorJson } from "../lib/view/error-json.js";
import { unknownCommand } from "../lib/view/unknown-command.js";

/** An unknown command ends as every other error does: in our words, with a code, and as JSON where that was asked for. */
const commandNotFound: Hook.CommandNotFound = function ({ id, argv = [], config, context }) {
  const words = [...id.split(":"), ...argv].filter((word) => !word.startsWith("-"));
  const error = unknownCommand(
    words,
    config.commands.filter((command) => !command.hidden).map((command) => command.id.replaceAll(":", " ")),
  );
  if (argv.includes("--json")) process.stdout.write(`${JSON.stringify(errorJson(error), null, 2)}\n`);
  else process.stderr.write(`${formatError(error)}\n`);
  context.exit(error.exitCode);
  return Promise.resolve();
};

export default commandNotFound;
