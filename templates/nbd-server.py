# Serves one disk over NBD on standard input and output, for reading only; see src/lib/nbd/disk-export.ts.
# Runs from memory on python 2.6 to 3.x, writes nothing anywhere, and ends with its connection. argv: the disk.
# The protocol is the NBD project's doc/proto.md: fixed newstyle negotiation, simple replies. First comes a line of JSON.
import errno, io, json, mmap, os, stat, struct, sys

BLOCK = 4096
LONGEST = 32 * 1024 * 1024  # what every client may ask for at once, and the longest that is answered
LONGEST_OPTION = 64 * 1024

OPTION_MAGIC, REPLY_MAGIC = 0x49484156454F5054, 0x3E889045565A9
REQUEST_MAGIC, ANSWER_MAGIC = 0x25609513, 0x67446698
FIXED_NEWSTYLE, NO_ZEROES = 1, 2
HAS_FLAGS, READ_ONLY, SEVERAL_CONNECTIONS = 1, 2, 256
TRANSMISSION = HAS_FLAGS | READ_ONLY | SEVERAL_CONNECTIONS
EXPORT_NAME, ABORT, LIST, INFO, GO = 1, 2, 3, 6, 7
ACK, SERVER, REPLY_INFO = 1, 2, 3
UNSUPPORTED, INVALID = 0x80000001, 0x80000003
INFO_EXPORT, INFO_BLOCK_SIZE = 0, 3
READ, WRITE, DISCONNECT, FLUSH, TRIM, CACHE, WRITE_ZEROES = range(7)

stdin = getattr(sys.stdin, "buffer", sys.stdin)


class Disk(object):
    def __init__(self, path):
        self.direct = True
        try:
            fd = os.open(path, os.O_RDONLY | os.O_DIRECT)
        except OSError:
            # Only a device's page cache lies: that of a file is what the file is.
            if sys.exc_info()[1].errno != errno.EINVAL or not stat.S_ISREG(os.stat(path).st_mode):
                raise
            self.direct = False
            fd = os.open(path, os.O_RDONLY)
        self.file = io.FileIO(fd, "r")
        self.size = os.lseek(fd, 0, os.SEEK_END)

    def read(self, offset, length):
        """Any bytes: O_DIRECT wants whole blocks of memory and disk."""
        start = offset // BLOCK * BLOCK
        size = -(-(offset + length - start) // BLOCK) * BLOCK
        memory = mmap.mmap(-1, size)
        self.file.seek(start)
        done = self.file.readinto(memory)
        while start + done < offset + length:  # rare: a driver that returns less at once, or one that then says why
            if not done or done % 512:
                raise IOError(errno.EIO, "the disk ends")
            rest = mmap.mmap(-1, size - done)
            self.file.seek(start + done)
            more = self.file.readinto(rest)
            if not more:
                raise IOError(errno.EIO, "the disk ends")
            memory[done : done + more] = rest[:more]
            done += more
        return memory[offset - start : offset - start + length]


def send(*parts):
    data = b"".join(parts)
    while data:
        data = data[os.write(1, data) :]


def take(length):
    data = stdin.read(length)
    if len(data) < length:
        os._exit(0)  # the client is gone
    return data


def skip(length):
    while length:
        length -= len(take(min(length, BLOCK)))


def negotiate(disk):
    """Until the client begins to read the disk."""
    send(b"NBDMAGIC", struct.pack(">QH", OPTION_MAGIC, FIXED_NEWSTYLE | NO_ZEROES))
    (client,) = struct.unpack(">I", take(4))
    while True:
        magic, option, length = struct.unpack(">QII", take(16))
        if magic != OPTION_MAGIC or length > LONGEST_OPTION:
            os._exit(2)
        data = take(length)
        if option == EXPORT_NAME:
            send(struct.pack(">QH", disk.size, TRANSMISSION), b"" if client & NO_ZEROES else b"\0" * 124)
            return
        if option == ABORT:
            reply(option, ACK)
            os._exit(0)
        if option == LIST:
            reply(option, SERVER, struct.pack(">I", 0))
            reply(option, ACK)
        elif option in (INFO, GO):
            if len(data) < 6 or struct.unpack(">I", data[:4])[0] > len(data) - 6:
                reply(option, INVALID)
                continue
            reply(option, REPLY_INFO, struct.pack(">HQH", INFO_EXPORT, disk.size, TRANSMISSION))
            reply(option, REPLY_INFO, struct.pack(">HIII", INFO_BLOCK_SIZE, 1, BLOCK, LONGEST))
            reply(option, ACK)
            if option == GO:
                return
        else:
            reply(option, UNSUPPORTED)


def reply(option, kind, data=b""):
    send(struct.pack(">QIII", REPLY_MAGIC, option, kind, len(data)), data)


def serve(disk):
    while True:
        magic, _, kind, handle, offset, length = struct.unpack(">IHHQQI", take(28))
        if magic != REQUEST_MAGIC:
            os._exit(2)
        if kind == DISCONNECT:
            return
        problem, data = 0, b""
        if kind == READ:
            problem, data = answer_read(disk, offset, length)
        elif kind == WRITE:
            skip(length)
            problem = errno.EPERM
        elif kind in (TRIM, WRITE_ZEROES):
            problem = errno.EPERM
        elif kind not in (FLUSH, CACHE):
            problem = errno.EINVAL
        send(struct.pack(">IIQ", ANSWER_MAGIC, problem, handle), data)


def answer_read(disk, offset, length):
    if not 0 < length <= LONGEST or offset + length > disk.size:
        return errno.EINVAL, b""
    try:
        return 0, disk.read(offset, length)
    except (IOError, OSError):
        tell("byte %d: %s" % (offset, sys.exc_info()[1]))
        return errno.EIO, b""


def tell(text):
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def main():
    path = sys.argv[1]
    try:
        disk = Disk(path)
        if disk.size:
            disk.read(0, 1)
    except (IOError, OSError):
        problem = sys.exc_info()[1]
        name = errno.errorcode.get(getattr(problem, "errno", None) or 0, "EIO")
        send(json.dumps({"error": name, "message": str(problem)}).encode("ascii"), b"\n")
        os._exit(3)
    send(json.dumps({"size": disk.size, "direct": disk.direct}).encode("ascii"), b"\n")
    negotiate(disk)
    serve(disk)


main()
