// What the two C files share.
#ifndef FAULTFS_DISK_H
#define FAULTFS_DISK_H

#include <pthread.h>
#include "shim.h"
#include "sqlite.h"

typedef struct ff_file ff_file;

struct ff_file {
  sqlite3_file base; // first, because SQLite knows only this
  ff_disk *disk;
  ff_file *next, *prev; // of the disk's open files
  char *name;           // below the folder
  int kind, direct;     // direct: in the folder itself, so it is recorded
  int syncs_folder;     // its next sync syncs the folder as well
  uint32_t handle;
  sqlite3_file *real;
};

struct ff_disk {
  pthread_mutex_t mutex; // guards what follows, and puts recorded operations in order
  ff_disk *next;
  int refs; // by its owner and by open files; guarded by the list's mutex
  char *dir;
  size_t length;
  ff_file *files;
  uint32_t handles;
  int recording, broken; // broken: the log did not fit into memory
  unsigned char *log;
  size_t used, room;
  char *watched; // a file that is written past SQLite; NULL: none
  char note[FF_NOTE_SIZE];
  int64_t noted; // its bytes that are in the log already
  ff_fault faults[FF_FAULTS];
  int64_t counts[FF_OPS][FF_KINDS];
};

// ff_find returns the disk that a path lies on, with a reference, or NULL.
ff_disk *ff_find(const char *path);
void ff_release(ff_disk *d);

// The following want the disk's mutex.
void ff_log(ff_disk *d, int op, uint32_t handle, int64_t at, const void *data, int64_t size, int64_t flag);
// ff_meet counts a call and copies the fault that it meets, if any.
int ff_meet(ff_disk *d, int op, int kind, ff_fault *met);

#endif
