#!/usr/bin/env -S node --initial-old-space-size=64
// The flag (MiB): with node's own start size, the garbage collector takes a third of the CPU time of a full copy.
import { execute } from "@oclif/core";

await execute({ dir: import.meta.url });
