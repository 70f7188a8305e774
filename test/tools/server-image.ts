import { serverImage } from "../helpers/server-image.js";

/** `npx tsx test/tools/server-image.ts [without-virtio]`: builds the server image into the cache, prints where it is. */
const image = await serverImage({ virtio: process.argv[2] !== "without-virtio" }, (line) =>
  process.stderr.write(`${line}\n`),
);
process.stdout.write(`${JSON.stringify(image, undefined, 2)}\n`);
