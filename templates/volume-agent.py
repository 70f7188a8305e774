# Writes and reads a guest's volume for rehome; see src/cluster/volumes/device/protocol.ts.
# Runs from memory on python 3.7 and later, and ends with its connection. argv: the volume; `read` after it
# opens it for reading only.
import errno, fcntl, hashlib, json, mmap, os, queue, stat, struct, sys, threading

VERSION = 1
BLOCK, DIGEST = 4096, 16
PIECE = 1024 * 1024  # the most that is read or written at once
DIGEST_PIECE = 4 * PIECE  # the most that is digested at once
ZERO_PIECE = 64 * PIECE  # the most that is made zero at once
WORKERS = 8
BUFFERS = 16  # writes that are in memory at once; whoever sends more has to wait
REQUEST = struct.Struct(">BBHIQQ")
ANSWER = struct.Struct(">BBHII")
BLKZEROOUT = 0x127F  # linux/fs.h
ZEROS = bytes(PIECE)

stdin = sys.stdin.buffer
answering = threading.Lock()


def answer(kind, number, payload=b""):
    data = ANSWER.pack(ord(kind), 0, 0, number, len(payload)) + payload
    with answering:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(1, rest) :]


def fallocate_function():
    """fallocate(2), which Python does not have; None where it cannot be called."""
    try:
        import ctypes

        libc = ctypes.CDLL(None, use_errno=True)
        libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
    except (ImportError, OSError, AttributeError):
        return None

    def call(fd, mode, offset, length):
        if libc.fallocate(fd, mode, offset, length) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    return call


class Volume(object):
    def __init__(self, path, read_only):
        access = os.O_RDONLY if read_only else os.O_RDWR
        self.block_device = stat.S_ISBLK(os.stat(path).st_mode)
        # Exclusive on a device to write to: one that is mounted, or that somebody else has, is refused by the kernel.
        exclusive = os.O_EXCL if self.block_device and not read_only else 0
        self.cached = os.open(path, access | exclusive)
        try:
            self.fd = os.open(path, access | os.O_DIRECT)
            self.direct = True
        except OSError as problem:
            if problem.errno != errno.EINVAL or self.block_device:
                raise
            self.fd = self.cached  # a file system without O_DIRECT
            self.direct = False
        self.size = os.lseek(self.cached, 0, os.SEEK_END)
        self.fallocate = fallocate_function()

    def read_into(self, memory, offset, length):
        """Reads length bytes past the page cache; memory has as many, rounded up to whole blocks."""
        done = 0
        while done < length:
            got = os.preadv(self.fd, [memory[done : -(-length // BLOCK) * BLOCK]], offset + done)
            if got == 0 or (done + got < length and got % 512):
                raise OSError(errno.EIO, "the volume ends at byte %d" % (offset + done + got))
            done += got

    def write(self, memory, offset):
        """Writes all of it; what is no whole block goes through the page cache, which O_DIRECT reads flush."""
        whole = offset % BLOCK == 0 and len(memory) % BLOCK == 0
        done = 0
        while done < len(memory):
            fd = self.fd if whole and done % BLOCK == 0 else self.cached
            wrote = os.pwrite(fd, memory[done:], offset + done)
            if wrote == 0:
                raise OSError(errno.EIO, "nothing could be written at byte %d" % (offset + done))
            done += wrote

    def zero(self, offset, length):
        """Only ways after which the kernel promises zeros, the one that gives space back first."""
        for start in range(offset, offset + length, ZERO_PIECE):
            size = min(ZERO_PIECE, offset + length - start)
            if not self.punch(start, size) and not self.zero_out(start, size):
                for at in range(start, start + size, PIECE):
                    self.write(memoryview(ZEROS)[: min(PIECE, start + size - at)], at)

    def punch(self, offset, length):
        """FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE; on a device it is refused unless zeros come back afterwards."""
        if self.fallocate is None or offset % BLOCK or length % BLOCK:
            return False
        try:
            self.fallocate(self.cached, 3, offset, length)
            return True
        except OSError as problem:
            if problem.errno in (errno.EOPNOTSUPP, errno.ENODEV, errno.EINVAL, errno.ENOSYS):
                return False
            raise

    def zero_out(self, offset, length):
        if not self.block_device or offset % BLOCK or length % BLOCK:
            return False
        try:
            fcntl.ioctl(self.cached, BLKZEROOUT, struct.pack("QQ", offset, length))
            return True
        except OSError as problem:
            if problem.errno in (errno.EOPNOTSUPP, errno.ENOTTY, errno.EINVAL):
                return False
            raise

    def flush(self):
        os.fdatasync(self.cached)

    def drop_cache(self):
        self.flush()
        os.posix_fadvise(self.cached, 0, 0, os.POSIX_FADV_DONTNEED)


def digests(memory, length, unit):
    found = []
    for start in range(0, length, unit):
        data = bytes(memory[start : min(start + unit, length)])
        zero = data == ZEROS[: len(data)]
        found.append(bytes(DIGEST) if zero else hashlib.sha256(data).digest()[:DIGEST])
    return b"".join(found)


def work(volume, requests, spare):
    """Takes one request after the other; each is answered, with what it asked for or with what went wrong."""
    own = memoryview(mmap.mmap(-1, DIGEST_PIECE))
    while True:
        kind, unit, number, offset, length, memory = requests.get()
        try:
            payload = b""
            if kind == "W":
                volume.write(memory[:length], offset)
            elif kind == "R":
                volume.read_into(own, offset, length)
                payload = bytes(own[:length])
            elif kind == "D":
                volume.read_into(own, offset, length)
                payload = digests(own, length, 1 << unit)
            elif kind == "Z":
                volume.zero(offset, length)
            elif kind == "F":
                volume.flush()
            elif kind == "C":
                volume.drop_cache()
            else:
                raise OSError(errno.EPROTO, "a request of type %r" % kind)
            answer("O", number, payload)
        except OSError as problem:
            name = errno.errorcode.get(problem.errno or 0, "EIO")
            answer("E", number, json.dumps({"error": name, "message": str(problem)}).encode())
        finally:
            if memory is not None:
                spare.put(memory)


def listen(requests, spare):
    """Takes requests from standard input; the end of it is the end of everything."""
    while True:
        head = stdin.read(REQUEST.size)
        if len(head) < REQUEST.size:
            return
        kind, unit, _, number, offset, length = REQUEST.unpack(head)
        memory = None
        if kind == ord("W"):
            memory = spare.get()
            rest = memory[:length]
            while rest:
                got = stdin.readinto(rest)
                if not got:
                    return  # cut in the middle of a request: nothing of it is written
                rest = rest[got:]
        requests.put((chr(kind), unit, number, offset, length, memory))


def guarded(function, *arguments):
    """No thread dies silently: the others would wait for ever."""
    try:
        function(*arguments)
    except BrokenPipeError:
        os._exit(0)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(3)


def main():
    try:
        volume = Volume(sys.argv[1], sys.argv[2:] == ["read"])
    except OSError as problem:
        name = errno.errorcode.get(problem.errno or 0, "EIO")
        answer("E", 0, json.dumps({"error": name, "message": str(problem)}).encode())
        return
    hello = {"version": VERSION, "size": volume.size, "direct": volume.direct, "blockDevice": volume.block_device}
    answer("H", 0, json.dumps(hello).encode())
    requests, spare = queue.Queue(), queue.Queue()
    for _ in range(BUFFERS):
        spare.put(memoryview(mmap.mmap(-1, PIECE)))
    for _ in range(WORKERS):
        threading.Thread(target=guarded, args=(work, volume, requests, spare), daemon=True).start()
    guarded(listen, requests, spare)
    os._exit(0)


main()
