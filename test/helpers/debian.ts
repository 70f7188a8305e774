import { localHost } from "../../src/lib/host/local-host.js";
import { runChecked } from "../../src/lib/host/run.js";

/** Paths that no test reads and that make images large. */
export const DOCUMENTATION = ["doc", "man", "locale"].map((name) => `/usr/share/${name}/*`);

/** Modules of Debian's kernel for hardware that no server here has. */
export const UNUSED_DRIVERS = [
  ...[
    "drivers/gpu",
    "drivers/media",
    "drivers/net/wireless",
    "drivers/infiniband",
    "drivers/staging",
    "drivers/iio",
  ].map((name) => `/lib/modules/*/kernel/${name}/*`),
  "/lib/modules/*/kernel/drivers/net/ethernet/mellanox/*",
  "/lib/modules/*/kernel/sound/*",
];

/** In the environment of what runs in a lab's network: the network that Debian's archive is reached from. */
export const OUTSIDE_NETWORK = "REHOME_OUTSIDE_NETWORK";

export interface DebianRecipe {
  readonly packages: readonly string[];
  /** Patterns of paths that dpkg does not unpack. */
  readonly leftOut: readonly string[];
  /** Program that is run at the end with the folder as its argument, and `env` in its environment. */
  readonly configure: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Installs Debian 12 into a folder that does not exist yet. Needs root. */
export async function installDebian(folder: string, recipe: DebianRecipe): Promise<void> {
  const outside = process.env[OUTSIDE_NETWORK];
  const argv = [
    ...(outside === undefined ? [] : ["nsenter", `--net=${outside}`, "--"]),
    ...["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", "--format=directory"],
    `--include=${recipe.packages.join(",")}`,
    ...recipe.leftOut.map((path) => `--dpkgopt=path-exclude=${path}`),
    `--customize-hook=${recipe.configure}`,
    ...["bookworm", folder],
  ];
  await runChecked(localHost(), argv, recipe.env === undefined ? {} : { env: recipe.env });
}
