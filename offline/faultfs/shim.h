// What Go sees of the layer in shim.c.
#ifndef FAULTFS_SHIM_H
#define FAULTFS_SHIM_H

#include <stdint.h>

// The operations, in the order of Go's Op.
enum { FF_OPEN, FF_READ, FF_WRITE, FF_TRUNCATE, FF_SYNC, FF_DELETE, FF_OPS };
// Further entries of the log. FF_SYNC_FAILED is a sync that was made to fail.
// FF_NOTE is what a file beside the database holds from here on.
enum { FF_MARK = FF_OPS, FF_SYNC_FAILED, FF_NOTE };
// The kinds of file, in the order of Go's Kind.
enum { FF_ANY, FF_DATABASE, FF_WAL, FF_JOURNAL, FF_OTHER, FF_KINDS };

enum { FF_FAULTS = 16, FF_NOTE_SIZE = 512 };

typedef struct ff_disk ff_disk;

typedef struct ff_fault {
  int active, op, kind;
  int64_t after; // calls that still pass
  int64_t times; // calls that then fail; negative: for ever
  int code;      // SQLite's result; 0 with a bit to flip
  int part;      // bytes of a write that are done before it fails
  int64_t bit;   // bit of a read's buffer that is flipped; negative: none
  int64_t hits;
} ff_fault;

// ff_entry heads every entry of the log; size bytes of data follow, filled up to a
// multiple of eight.
typedef struct ff_entry {
  uint32_t op, handle;
  int64_t at;   // offset, new size, number of a mark
  int64_t size; // of the data
  int64_t flag; // open: the file was created; delete, sync: the folder was synced
} ff_entry;

int ff_install(void);
ff_disk *ff_attach(const char *dir);
void ff_detach(ff_disk *d);
void ff_lock(ff_disk *d);
void ff_unlock(ff_disk *d);
int ff_begin(ff_disk *d);
int ff_watch(ff_disk *d, const char *path);
int ff_end(ff_disk *d, void **log, int64_t *size);
int ff_mark(ff_disk *d, int64_t number);
int ff_inject(ff_disk *d, const ff_fault *f);
int64_t ff_clear(ff_disk *d, int slot, int end);
void ff_look(int looks);
int64_t ff_count(ff_disk *d, int op, int kind);

#endif
