/* Stands before the C library in a child of the tests: says on standard output what reached the disk, each
 * line between those of the child that it came between, and lets syncs fail as long as a file is there. */

#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static int through(long call, int fd)
{
    const char *failing = getenv("JOURNAL_TEST_SYNCS_FAIL");
    if (failing != NULL && access(failing, F_OK) == 0) {
        errno = EIO;
        return -1;
    }
    /* What is written after this may not be part of it. A directory has no place. */
    long long written = lseek(fd, 0, SEEK_CUR);
    int done = (int)syscall(call, fd);
    if (done == 0) {
        char link[32], path[PATH_MAX], line[PATH_MAX + 64];
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t length = readlink(link, path, sizeof path - 1);
        path[length < 0 ? 0 : length] = '\0';
        int size = snprintf(line, sizeof line, "child: synced %lld %s\n", written, path);
        if (write(STDOUT_FILENO, line, (size_t)size) != size) {
            _exit(99);
        }
    }
    return done;
}

int fdatasync(int fd)
{
    return through(SYS_fdatasync, fd);
}

int fsync(int fd)
{
    return through(SYS_fsync, fd);
}
