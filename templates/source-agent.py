# Reads disks for rehome and sends what differs from the target; see src/migrators/staging/protocol.ts.
# Runs from memory on python 2.6 to 3.x, opens disks for reading only, writes nothing anywhere, and ends with its
# connection. argv: the disks.
import base64, errno, fcntl, hashlib, io, json, mmap, os, stat, struct, sys, threading, time, zlib
from collections import deque

try:
    import queue
except ImportError:  # python 2
    import Queue as queue

VERSION = 1
BLOCK, CHUNK, DIGEST = 4096, 65536, 16
READ = 4 * 1024 * 1024  # one read from a disk
READ_AHEAD = 3  # reads that are in memory at once
WINDOW = 32 * 1024 * 1024  # changed chunks kept in memory until the target says what it wants of them
FLUSH = 256 * 1024  # output is collected up to this size
HEADER = struct.Struct(">BBHIQ")
COUNT = struct.Struct(">I")
BITMAP = struct.Struct(">H")
TARGET_ZERO, COMPARE, BLOCKS, COMPRESSED = 1, 2, 4, 1
ZERO_CHUNK = b"\0" * CHUNK
ZERO_BLOCK = b"\0" * BLOCK
ZERO_MARK = b"\0" * DIGEST

stdin = getattr(sys.stdin, "buffer", sys.stdin)
events = queue.Queue()  # what happened: ("read", ...), ("want", ...), ("error", ...)


def digest(data):
    return hashlib.sha256(data).digest()[:DIGEST]


class Output(object):
    """Standard output: collects frames, and learns how fast the link takes them."""

    def __init__(self):
        self.parts = []
        self.size = 0
        self.link = None  # bytes a second; None while nothing is known
        self.written = 0
        self.seconds = 0.0

    def frame(self, kind, flags, disk, chunk, payload):
        self.parts.append(HEADER.pack(ord(kind), flags, disk, len(payload), chunk))
        self.parts.append(payload)
        self.size += len(payload) + 16
        if self.size >= FLUSH:
            self.flush()

    def flush(self):
        if not self.parts:
            return
        data = b"".join(self.parts)
        self.parts, self.size = [], 0
        total = len(data)
        begun = time.time()
        while data:
            data = data[os.write(1, data) :]
        self.seconds += time.time() - begun
        self.written += total
        if self.written >= 2 * 1024 * 1024:
            rate = self.written / max(self.seconds, 1e-6)
            self.link = rate if self.link is None else (self.link + rate) / 2
            self.written, self.seconds = 0, 0.0


class Compressor(object):
    """Compresses while that takes less time than the link would take for what it saves."""

    def __init__(self, output):
        self.output = output
        self.on = False
        self.frames = 0

    def pack(self, data):
        link = self.output.link
        if link is None or link > 300e6:  # no zlib is faster than that
            self.on = False
            return 0, data
        self.frames += 1
        if not self.on and self.frames % 32 != 1:
            return 0, data
        begun = time.time()
        packed = zlib.compress(data, 1)
        seconds = time.time() - begun
        if self.frames % 32 == 1:
            saved = (len(data) - len(packed)) / link
            self.on = saved > seconds * 1.1
        return (COMPRESSED, packed) if len(packed) < len(data) else (0, data)


class Disk(object):
    def __init__(self, path):
        self.path = path
        self.direct = True
        try:
            fd = os.open(path, os.O_RDONLY | os.O_DIRECT)
        except OSError:
            # Only a device's page cache lies: that of a file is what the file is.
            if sys.exc_info()[1].errno != errno.EINVAL or not stat.S_ISREG(os.stat(path).st_mode):
                raise
            self.direct = False
            fd = os.open(path, os.O_RDONLY)
        self.block_device = stat.S_ISBLK(os.fstat(fd).st_mode)
        self.file = io.FileIO(fd, "r")
        self.size = os.lseek(fd, 0, os.SEEK_END)
        self.spare = {}  # lists of buffers by size

    def read_into(self, memory, offset, length):
        """Reads length bytes; memory has as many, rounded up to whole blocks."""
        self.file.seek(offset)
        done = self.file.readinto(memory)
        while done < length:  # rare: a file system or driver that returns less at once
            if done % 512:
                raise IOError(errno.EIO, "the disk ends at byte %d" % (offset + done))
            rest = mmap.mmap(-1, -(-(length - done) // BLOCK) * BLOCK)
            self.file.seek(offset + done)
            more = self.file.readinto(rest)
            if not more:
                raise IOError(errno.EIO, "the disk ends at byte %d" % (offset + done))
            memory[done : done + more] = rest[:more]
            done += more

    def find_error(self, offset, length):
        """The first block in a range that cannot be read."""
        memory = mmap.mmap(-1, BLOCK)
        for at in range(offset, offset + length, BLOCK):
            try:
                self.read_into(memory, at, min(BLOCK, self.size - at))
            except (IOError, OSError):
                return at
        return offset


class Scan(object):
    def __init__(self, disk, flags, first, count, known):
        self.disk, self.flags, self.first, self.count, self.known = disk, flags, first, count, known


def listen(scans):
    """Takes requests from standard input; the end of it is the end of everything."""
    while True:
        head = stdin.read(HEADER.size)
        if len(head) < HEADER.size:
            os._exit(0)
        kind, flags, disk, length, chunk = HEADER.unpack(head)
        payload = stdin.read(length)
        if kind == ord("S"):
            scans.put(Scan(disk, flags, chunk, COUNT.unpack(payload[:4])[0], payload[4:]))
        elif kind == ord("W"):
            events.put(("want", disk, chunk, BITMAP.unpack(payload)[0]))
        elif kind == ord("O"):
            scans.put(payload.split(b"\0")[:-1])


def read_disks(disks, scans, free):
    """Reads ahead of the main thread, as far as there are buffers."""
    while True:
        scan = scans.get()
        if isinstance(scan, list):
            events.put(("opened", open_disks(disks, scan)))
            continue
        disk = disks[scan.disk]
        if scan.flags & BLOCKS:
            if not read_blocks(disk, scan, free):
                return
            continue
        offset = scan.first * CHUNK
        end = min((scan.first + scan.count) * CHUNK, disk.size)
        while offset < end:
            free.get()
            length = min(READ, end - offset)
            size = -(-length // BLOCK) * BLOCK
            spare = disk.spare.setdefault(size, [])
            memory = spare.pop() if spare else mmap.mmap(-1, size)
            try:
                disk.read_into(memory, offset, length)
            except (IOError, OSError):
                problem = sys.exc_info()[1]
                at = disk.find_error(offset, length)
                events.put(("error", scan.disk, at, problem))
                return
            offset += length
            events.put(("read", scan, offset - length, length, memory, offset >= end))


def read_blocks(disk, scan, free):
    """Reads the blocks that bitmaps name, and nothing else. False when that failed, which is said."""
    bitmaps = struct.unpack(">%dH" % scan.count, scan.known)
    buffers = {}  # by size
    group = READ // CHUNK
    for start in range(0, scan.count, group):
        end = min(start + group, scan.count)
        chunks = [c for c in range(start, end) if bitmaps[c]]
        blocks = [(scan.first + c) * 16 + b for c in chunks for b in range(16) if bitmaps[c] >> b & 1]
        free.get()
        pieces = dict((c, []) for c in chunks)
        while blocks:
            run = 1
            while run < len(blocks) and blocks[run] == blocks[0] + run:
                run += 1
            offset = blocks[0] * BLOCK
            length = min(run * BLOCK, disk.size - offset)
            memory = buffers.get(run) or mmap.mmap(-1, run * BLOCK)
            try:
                disk.read_into(memory, offset, length)
            except (IOError, OSError):
                problem = sys.exc_info()[1]
                events.put(("error", scan.disk, disk.find_error(offset, length), problem))
                return False
            for index in range(run):
                piece = memory[index * BLOCK : min((index + 1) * BLOCK, length)]
                pieces[(blocks[index] // 16) - scan.first].append(piece)
            if run <= 16:
                buffers[run] = memory  # most runs are short, and making a buffer takes longer than reading into it
            else:
                memory.close()
            del blocks[:run]
        found = [(scan.first + c, bitmaps[c], pieces[c]) for c in chunks]
        events.put(("blocks", scan, found, end == scan.count))
    return True


class Sender(object):
    def __init__(self, disks, output, free):
        self.disks, self.output, self.free = disks, output, free
        self.compressor = Compressor(output)
        self.kept = {}  # changed chunks by disk and number
        self.ready = deque()
        self.zeros = None  # disk, first chunk, count: a run of chunks that became zeros

    def run(self):
        while True:
            if self.ready and len(self.kept) * CHUNK < WINDOW and events.empty():
                self.compare(*self.ready.popleft())
                continue
            if events.empty():
                self.output.flush()
            event = events.get()
            if event[0] == "read":
                self.ready.append(event[1:])
            elif event[0] == "want":
                self.send_wanted(*event[1:])
            elif event[0] == "blocks":
                self.send_named(*event[1:])
            elif event[0] == "opened":
                self.output.frame("H", 0, 0, 0, event[1])
            else:
                self.fail(*event[1:])

    def compare(self, scan, offset, length, memory, last):
        put, flags = self.output.frame, scan.flags
        index = offset // CHUNK
        for start in range(0, length, CHUNK):
            data = memory[start : min(start + CHUNK, length)]
            place = (index - scan.first) * DIGEST
            known = ZERO_MARK if flags & TARGET_ZERO else scan.known[place : place + DIGEST]
            if data == ZERO_CHUNK or (len(data) < CHUNK and data == ZERO_CHUNK[: len(data)]):
                if known != ZERO_MARK:
                    if flags & COMPARE:
                        put("x", 0, scan.disk, index, b"")
                    else:
                        self.add_zeros(scan.disk, index)
            elif known == ZERO_MARK:
                if flags & COMPARE:
                    put("x", 0, scan.disk, index, b"")
                else:
                    self.send_blocks(scan.disk, index, data, non_zero(data))
            else:
                now = digest(data)
                if now != known:
                    if flags & COMPARE:
                        put("x", 0, scan.disk, index, b"")
                    else:
                        self.kept[(scan.disk, index)] = data
                        blocks = [digest(data[at : at + BLOCK]) for at in range(0, len(data), BLOCK)]
                        put("C", 0, scan.disk, index, now + b"".join(blocks))
            index += 1
        disk = self.disks[scan.disk]
        disk.spare[len(memory)].append(memory)
        self.free.put(None)
        if last:
            self.send_zeros()
            put("F", 0, scan.disk, scan.first, COUNT.pack(scan.count))

    def add_zeros(self, disk, index):
        run = self.zeros
        if run and run[0] == disk and run[1] + run[2] == index:
            run[2] += 1
        else:
            self.send_zeros()
            self.zeros = [disk, index, 1]

    def send_zeros(self):
        if self.zeros:
            disk, first, count = self.zeros
            self.output.frame("Z", 0, disk, first, COUNT.pack(count))
            self.zeros = None

    def send_wanted(self, disk, index, bitmap):
        data = self.kept.pop((disk, index))
        if bitmap:
            self.send_blocks(disk, index, data, bitmap)

    def send_named(self, scan, found, last):
        for index, bitmap, pieces in found:
            sent, kept = 0, []
            for block in range(16):
                if bitmap >> block & 1:
                    piece = pieces.pop(0)
                    if piece != ZERO_BLOCK[: len(piece)]:
                        sent |= 1 << block
                        kept.append(piece)
            flags, data = self.compressor.pack(b"".join(kept))
            self.output.frame("D", flags, scan.disk, index, BITMAP.pack(sent) + data)
        self.free.put(None)
        if last:
            self.output.frame("F", 0, scan.disk, scan.first, COUNT.pack(scan.count))

    def send_blocks(self, disk, index, data, bitmap):
        if bitmap != 0xFFFF:
            wanted = [b for b in range(16) if bitmap >> b & 1]
            data = b"".join([data[b * BLOCK : (b + 1) * BLOCK] for b in wanted])
        flags, data = self.compressor.pack(data)
        self.output.frame("D", flags, disk, index, BITMAP.pack(bitmap) + data)

    def fail(self, disk, offset, problem):
        name = errno_name(problem)
        try:
            os.close(os.open(self.disks[disk].path, os.O_RDONLY))
        except OSError:  # no bad sector: all of the disk is gone
            name = errno_name(sys.exc_info()[1])
        fail(self.output, {"disk": disk, "offset": offset, "error": name, "message": str(problem)})


def non_zero(data):
    """One bit for each block that is not all zeros."""
    bitmap = 0
    for block in range(-(-len(data) // BLOCK)):
        piece = data[block * BLOCK : (block + 1) * BLOCK]
        if piece != ZERO_BLOCK[: len(piece)]:
            bitmap |= 1 << block
    return bitmap


def errno_name(problem):
    return errno.errorcode.get(getattr(problem, "errno", None) or 0, "EIO")


def fail(output, problem):
    output.frame("E", 0, 0, 0, json.dumps(problem).encode("utf-8"))
    output.flush()
    os._exit(3)


def describe(path):
    """Opens a disk. Returns it (or None) and what hello says of it."""
    try:
        disk = Disk(path)
        memory = mmap.mmap(-1, 17 * BLOCK)
        length = min(disk.size, 17 * BLOCK)
        disk.read_into(memory, 0, length)
    except (IOError, OSError):
        problem = sys.exc_info()[1]
        return None, {"size": 0, "direct": False, "blockDevice": False, "head": "", "serials": [], "error": errno_name(problem)}
    head = base64.b64encode(zlib.compress(memory[:length])).decode("ascii")
    facts = {"size": disk.size, "direct": disk.direct, "blockDevice": disk.block_device, "head": head}
    facts["serials"] = serials(path) if disk.block_device else []
    return disk, facts


def read_text(path):
    try:
        with io.open(path, encoding="utf-8", errors="replace") as handle:
            return handle.read().strip()
    except (IOError, OSError):
        return ""


def serials(path):
    """Serial numbers that the kernel and udev know of a device."""
    number = os.stat(path).st_rdev
    place = "%d:%d" % (os.major(number), os.minor(number))
    found = [read_text("/sys/dev/block/%s/%s" % (place, name)) for name in ("serial", "device/serial")]
    for line in read_text("/run/udev/data/b" + place).split("\n"):
        if line.startswith(("E:ID_SERIAL=", "E:ID_SERIAL_SHORT=")):
            found.append(line.split("=", 1)[1])
    return [serial for serial in found if serial]


def open_disks(disks, paths):
    """Puts these disks in the place of those that are open. Returns hello."""
    for disk in disks:
        if disk:
            disk.file.close()
    opened = [describe(path) for path in paths]
    disks[:] = [disk for disk, _ in opened]
    hello = {
        "version": VERSION,
        "name": "python " + sys.version.split()[0],
        "bootId": read_text("/proc/sys/kernel/random/boot_id"),
        "disks": [facts for _, facts in opened],
    }
    return json.dumps(hello).encode("utf-8")


def main():
    output = Output()
    disks = []
    output.frame("H", 0, 0, 0, open_disks(disks, sys.argv[1:]))
    output.flush()
    scans, free = queue.Queue(), queue.Queue()
    for _ in range(READ_AHEAD):
        free.put(None)
    for target, arguments in ((listen, (scans,)), (read_disks, (disks, scans, free))):
        thread = threading.Thread(target=guarded, args=(output, target) + arguments)
        thread.daemon = True
        thread.start()
    guarded(output, Sender(disks, output, free).run)


def guarded(output, work, *arguments):
    """No thread dies silently: the others would wait for ever."""
    try:
        work(*arguments)
    except Exception:
        problem = sys.exc_info()[1]
        if getattr(problem, "errno", None) == errno.EPIPE:
            os._exit(0)
        events.put(("error", 0, None, problem))
        if threading.current_thread().name == "MainThread":
            fail(output, {"error": "EPROTO", "message": repr(problem)})


main()
