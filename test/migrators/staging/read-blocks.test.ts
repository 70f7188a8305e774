import { strict as assert } from "node:assert";
import { randomBytes } from "node:crypto";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { localHost } from "../../../src/lib/host/local-host.js";
import { openAgent } from "../../../src/migrators/staging/agent.js";
import type { SourceAgent } from "../../../src/migrators/staging/agent-types.js";
import { throttle } from "../../../src/lib/throttle.js";
import { BLOCK_SIZE, CHUNK_SIZE } from "../../../src/migrators/staging/types.js";

const CHUNKS = 140; // more than one read of the agent
const SIZE = CHUNKS * CHUNK_SIZE - 3 * BLOCK_SIZE - 512;

for (const [kind, interpreters] of [
  ["python", ["python3"]],
  ["sh", []],
] as const) {
  describe(`blocks that are asked for by name (${kind})`, () => {
    let folder: string;
    let agent: SourceAgent;
    const data = randomBytes(SIZE);
    for (let chunk = 0; chunk < CHUNKS; chunk += 3) data.fill(0, chunk * CHUNK_SIZE, chunk * CHUNK_SIZE + 20_000);

    before(async () => {
      folder = await mkdtemp(join(tmpdir(), "rehome-blocks-"));
      const path = join(folder, "disk");
      await writeFile(path, data);
      agent = await openAgent({ host: localHost("source"), disks: [path], limit: throttle(undefined), interpreters });
      assert.equal(agent.info.kind, kind);
    });
    after(async () => {
      await agent.close();
      await rm(folder, { recursive: true });
    });

    it("come as they are, only they, and those of zeros not at all", async () => {
      const bitmaps = fc.array(fc.oneof(fc.constant(0), fc.constant(0xffff), fc.nat(0xffff)), {
        minLength: 1,
        maxLength: CHUNKS,
      });
      await fc.assert(
        fc.asyncProperty(bitmaps, fc.nat(CHUNKS - 1), async (asked, start) => {
          const first = Math.min(start, CHUNKS - asked.length);
          const valid = asked.map((bitmap, index) => (first + index === CHUNKS - 1 ? bitmap & 0x1fff : bitmap));
          const answers = new Map<number, readonly [number, Buffer]>();
          let travelled = 0;
          const sink = {
            data: (chunk: number, bitmap: number, pieces: readonly Buffer[]) => {
              assert.ok(!answers.has(chunk), `chunk ${chunk} twice`);
              answers.set(chunk, [bitmap, Buffer.concat(pieces)]);
            },
            travelled: (bytes: number) => (travelled += bytes),
          };
          await agent.readBlocks({ disk: 0, first, bitmaps: valid, sink });
          assert.deepEqual([...answers.keys()], chunksOf(first, valid));
          for (const [index, bitmap] of valid.entries()) {
            if (bitmap === 0) continue;
            assert.deepEqual(answers.get(first + index), expected(first + index, bitmap));
          }
          assert.ok(travelled > 0 || answers.size === 0);
        }),
        { numRuns: kind === "sh" ? 8 : 40 },
      );
    });

    it("come from the disks that were opened last, of which it says what they are now", async () => {
      const [first, other, gone] = ["disk", "other disk", "gone"].map((name) => join(folder, name)) as [
        string,
        string,
        string,
      ];
      const content = randomBytes(CHUNK_SIZE);
      await writeFile(other, content);
      const blocks = async (disk: number): Promise<Buffer> => {
        const pieces: Buffer[] = [];
        const sink = {
          data: (_: number, __: number, more: readonly Buffer[]) => void pieces.push(...more),
          travelled: () => undefined,
        };
        await agent.readBlocks({ disk, first: 0, bitmaps: [0xffff], sink });
        return Buffer.concat(pieces);
      };
      await agent.open([]);
      assert.equal(agent.hello.disks.length, 0);
      await agent.open([gone, other]);
      assert.deepEqual(
        agent.hello.disks.map(({ size, error }) => [size, error]),
        [
          [0, "ENOENT"],
          [CHUNK_SIZE, undefined],
        ],
      );
      assert.ok((await blocks(1)).equals(content));
      await rename(other, gone);
      await writeFile(other, content.reverse());
      await agent.open([gone, other]);
      assert.ok((await blocks(1)).equals(content), "what was replaced is read");
      await agent.open([first]);
      assert.equal(agent.hello.disks[0]?.size, SIZE);
    });

    function chunksOf(first: number, bitmaps: readonly number[]): readonly number[] {
      return bitmaps.flatMap((bitmap, index) => (bitmap === 0 ? [] : [first + index]));
    }

    /** The blocks of a chunk that are not zeros. */
    function expected(chunk: number, bitmap: number): readonly [number, Buffer] {
      let found = 0;
      const pieces: Buffer[] = [];
      for (let block = 0; block < 16; block += 1) {
        const offset = chunk * CHUNK_SIZE + block * BLOCK_SIZE;
        const piece = data.subarray(offset, Math.min(SIZE, offset + BLOCK_SIZE));
        if (((bitmap >> block) & 1) === 0 || piece.every((byte) => byte === 0)) continue;
        found |= 1 << block;
        pieces.push(piece);
      }
      return [found, Buffer.concat(pieces)];
    }
  });
}
