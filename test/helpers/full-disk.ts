import type { Host } from "../../src/lib/host/types.js";

/** A host whose file systems have 1 MiB left, whichever is asked about. */
export function withFullDisk(host: Host): Host {
  return {
    ...host,
    run: (argv, options) =>
      argv[0] === "df"
        ? Promise.resolve({ argv, exitCode: 0, stdout: "Avail\n1048576\n", stderr: "" })
        : host.run(argv, options),
  };
}
