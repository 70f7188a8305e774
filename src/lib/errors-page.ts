import { ERROR_CODES, EXIT_CODES } from "./error-codes.js";

/** docs/errors.md: every exit status and every error code, generated so that the page cannot lag behind. */
export function errorsPage(): string {
  const statuses = Object.entries(EXIT_CODES).map(
    ([name, { status, meaning }]) => `| ${status} | ${name} | ${meaning} |`,
  );
  const codes = Object.entries(ERROR_CODES)
    .map(([code, { exit, meaning }]) => `| ${code} | ${EXIT_CODES[exit].status} | ${meaning} |`)
    .sort();
  return [
    "# Exit statuses and error codes",
    "",
    "Every error has a stable code: on a terminal it stands in brackets after the message, under `--json` in `error.code`.",
    "",
    "| status | name | meaning |",
    "| --- | --- | --- |",
    ...statuses,
    "",
    "| code | status | meaning |",
    "| --- | --- | --- |",
    ...codes,
    "",
  ].join("\n");
}
