"""A clock that jumps, for a whole tree of processes.

A small C library, loaded before all others, adds an offset to every reading of the wall clock. The offset is read from
a file, so a test moves the clock of running processes by writing there. The monotonic clock stays right, as it does on
a real machine whose wall clock is set. Needs Linux and a C compiler.
"""

import shutil
import struct
import subprocess
from collections.abc import Mapping
from pathlib import Path

SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *offset;

__attribute__((constructor)) static void map_offset(void) {
    const char *path = getenv("WRONG_CLOCK_FILE");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *page = mmap(0, sizeof *offset, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (page != MAP_FAILED) offset = page;
}

static int64_t seconds(void) { return offset ? *offset : 0; }

int clock_gettime(clockid_t clock, struct timespec *out) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int status = real(clock, out);
    if (!status && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) out->tv_sec += seconds();
    return status;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone) {
    struct timespec now;
    (void)zone;
    int status = clock_gettime(CLOCK_REALTIME, &now);
    out->tv_sec = now.tv_sec;
    out->tv_usec = now.tv_nsec / 1000;
    return status;
}

time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}
"""


class WrongClock:
    """The wall clock of the processes that are started with `environment`."""

    def __init__(self, place: Path) -> None:
        """In: a folder for the library and the offset. Raises RuntimeError without a C compiler."""
        compiler = shutil.which("cc")
        if compiler is None:
            raise RuntimeError("a clock that jumps needs a C compiler (cc)")
        place.mkdir(parents=True, exist_ok=True)
        self._offset, library = place / "offset", place / "clock.so"
        (place / "clock.c").write_text(SOURCE)
        self.jump(0)
        flags = ["-shared", "-fPIC", "-O2", "-o", str(library), str(place / "clock.c"), "-ldl"]
        subprocess.run([compiler, *flags], check=True)
        self.environment: Mapping[str, str] = {"LD_PRELOAD": str(library), "WRONG_CLOCK_FILE": str(self._offset)}

    def jump(self, seconds: int) -> None:
        """Let the clock be wrong by this much from now on. Zero is right again."""
        with self._offset.open("r+b" if self._offset.exists() else "wb") as file:
            file.write(struct.pack("=q", seconds))
