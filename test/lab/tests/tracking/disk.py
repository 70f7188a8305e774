# Writes to a block device as a busy machine does, and says which 4-KiB blocks it changed. Runs on a machine of the lab.
#   random PATH SEED COUNT   COUNT blocks of random bytes, all over the device
#   zero PATH SEED COUNT     COUNT pieces of 64 KiB, by write-zeroes (BLKZEROOUT)
#   run PATH OFFSET LENGTH   random bytes from OFFSET on
#   busy PATH SEED           random blocks until it is killed, about a hundred a second
#   digest PATH              sha256 of all of it, past the page cache
# Prints how many blocks were written to.
import fcntl, hashlib, mmap, os, random, struct, sys, time

BLOCK, BLKZEROOUT = 4096, 0x127F
verb, path = sys.argv[1:3]
fd = os.open(path, os.O_RDWR | os.O_DIRECT)
size = os.lseek(fd, 0, os.SEEK_END)
memory = mmap.mmap(-1, 1024 * 1024)


def write(offset, data):
    memory[: len(data)] = data
    os.pwritev(fd, [memoryview(memory)[: len(data)]], offset)


if verb == "digest":
    digest = hashlib.sha256()
    zeros = bytes(len(memory))
    for offset in range(0, size, len(memory)):
        length = os.preadv(fd, [memory], offset)
        digest.update(memory[:length])
    print(digest.hexdigest())
elif verb == "run":
    start, length = map(int, sys.argv[3:5])
    for offset in range(start, start + length, len(memory)):
        write(offset, os.urandom(min(len(memory), start + length - offset)))
    print(length // BLOCK)
else:
    dice = random.Random(sys.argv[3])
    changed = set()
    while verb == "busy" or len(changed) < int(sys.argv[4]) * (16 if verb == "zero" else 1):
        if verb == "zero":
            offset = dice.randrange(size // 65536) * 65536
            fcntl.ioctl(fd, BLKZEROOUT, struct.pack("QQ", offset, 65536))
            changed.update(range(offset // BLOCK, offset // BLOCK + 16))
        else:
            offset = dice.randrange(size // BLOCK) * BLOCK
            write(offset, dice.getrandbits(BLOCK * 8).to_bytes(BLOCK, "little"))
            if verb == "busy":
                time.sleep(0.01)
            else:
                changed.add(offset // BLOCK)
    print(len(changed))
