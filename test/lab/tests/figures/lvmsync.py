# The method of lvmsync (github.com/mpalmer/lvmsync), which is a Ruby gem that no machine of the lab has: the table of an
# LVM snapshot names the chunks that its origin has changed since, and only those travel. Runs on a machine of the lab.
#   count STORE         prints how many bytes of the origin the table names
#   send STORE ORIGIN   writes them to standard output: u64 offset, u32 length, data, as lvmsync does
#   patch DEVICE        writes what comes on standard input to a device
# STORE is the snapshot's own device, /dev/mapper/GROUP-SNAPSHOT-cow; its format is that of the kernel's
# drivers/md/dm-snap-persistent.c.
import mmap, os, stat, struct, sys

MAGIC, SECTOR, ENTRY = 0x70416E53, 512, 16
FRAME = struct.Struct(">QL")


def opened(path):
    # the kernel writes the table past the page cache, where what an earlier reader saw of it may still be
    direct = os.O_DIRECT if stat.S_ISBLK(os.stat(path).st_mode) else 0
    return os.open(path, os.O_RDONLY | direct)


def read_at(fd, offset, length):
    memory = mmap.mmap(-1, length)
    count = os.preadv(fd, [memory], offset)
    return memory[:count]


def changed_chunks(path):
    """Bytes in a chunk, and the numbers of those that changed."""
    fd = opened(path)
    magic, valid, version, sectors = struct.unpack_from("<4L", read_at(fd, 0, 4096))
    if magic != MAGIC or valid != 1 or version != 1:
        sys.exit(f"{path} is no snapshot's store, or an invalid one")
    size = sectors * SECTOR
    per_area = size // ENTRY
    chunks = []
    area = 1
    while True:
        table = read_at(fd, area * size, size)
        for old, new in struct.iter_unpack("<QQ", table):
            if new == 0:
                return size, chunks
            chunks.append(old)
        if len(table) < size:
            return size, chunks  # the store is full to its end
        area += per_area + 1


def send(store, origin):
    size, chunks = changed_chunks(store)
    out = sys.stdout.buffer
    with open(origin, "rb") as disk:
        for chunk in sorted(chunks):
            disk.seek(chunk * size)
            data = disk.read(size)
            out.write(FRAME.pack(chunk * size, len(data)))
            out.write(data)
    out.flush()


def patch(device):
    source = sys.stdin.buffer
    with open(device, "r+b") as disk:
        while header := source.read(FRAME.size):
            offset, length = FRAME.unpack(header)
            data = source.read(length)
            if len(data) != length:
                sys.exit("the stream ends too early")
            disk.seek(offset)
            disk.write(data)
        disk.flush()
        os.fsync(disk.fileno())


verb, *paths = sys.argv[1:]
if verb == "count":
    size, chunks = changed_chunks(*paths)
    print(size * len(chunks))
elif verb == "send":
    send(*paths)
elif verb == "patch":
    patch(*paths)
else:
    sys.exit(f"{verb}: count, send or patch")
