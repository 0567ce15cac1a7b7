//go:build faultfs

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "disk.h"

// The attached disks. C keeps them, because SQLite calls from any thread.
static pthread_mutex_t list_mutex = PTHREAD_MUTEX_INITIALIZER;
static ff_disk *list;

ff_disk *ff_attach(const char *dir) {
  ff_disk *d = calloc(1, sizeof *d);
  if (d == NULL || (d->dir = strdup(dir)) == NULL) {
    free(d);
    return NULL;
  }
  pthread_mutex_init(&d->mutex, NULL);
  d->length = strlen(dir);
  d->refs = 1;
  pthread_mutex_lock(&list_mutex);
  for (ff_disk *other = list; other != NULL; other = other->next) {
    if (strcmp(other->dir, dir) == 0) {
      pthread_mutex_unlock(&list_mutex);
      free(d->dir);
      free(d);
      return NULL;
    }
  }
  d->next = list;
  list = d;
  pthread_mutex_unlock(&list_mutex);
  return d;
}

ff_disk *ff_find(const char *path) {
  pthread_mutex_lock(&list_mutex);
  ff_disk *d = list;
  while (d != NULL && (strncmp(path, d->dir, d->length) != 0 || path[d->length] != '/')) d = d->next;
  if (d != NULL) d->refs++;
  pthread_mutex_unlock(&list_mutex);
  return d;
}

void ff_release(ff_disk *d) {
  pthread_mutex_lock(&list_mutex);
  int left = --d->refs;
  pthread_mutex_unlock(&list_mutex);
  if (left > 0) return;
  pthread_mutex_destroy(&d->mutex);
  free(d->watched);
  free(d->log);
  free(d->dir);
  free(d);
}

// ff_detach ends recording and faults. Files that are still open go on untouched.
void ff_detach(ff_disk *d) {
  pthread_mutex_lock(&list_mutex);
  for (ff_disk **at = &list; *at != NULL; at = &(*at)->next) {
    if (*at == d) {
      *at = d->next;
      break;
    }
  }
  pthread_mutex_unlock(&list_mutex);
  ff_lock(d);
  d->recording = 0;
  memset(d->faults, 0, sizeof d->faults);
  ff_unlock(d);
  ff_release(d);
}

void ff_lock(ff_disk *d) { pthread_mutex_lock(&d->mutex); }
void ff_unlock(ff_disk *d) { pthread_mutex_unlock(&d->mutex); }

// ff_look_beside puts the watched file into the log when it has changed. It stands
// before the operation that is being logged, so a note about a commit stands before
// the commit's sync only if it was written before that sync was over.
static void ff_look_beside(ff_disk *d) {
  char now[FF_NOTE_SIZE];
  int fd = open(d->watched, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  ssize_t size = pread(fd, now, sizeof now, 0);
  close(fd);
  if (size < 0 || (size == d->noted && memcmp(now, d->note, (size_t)size) == 0)) return;
  memcpy(d->note, now, (size_t)size);
  d->noted = size;
  ff_log(d, FF_NOTE, 0, 0, now, size, 0);
}

void ff_log(ff_disk *d, int op, uint32_t handle, int64_t at, const void *data, int64_t size, int64_t flag) {
  if (!d->recording || d->broken) return;
  if (d->watched != NULL && op != FF_NOTE) ff_look_beside(d);
  size_t padded = ((size_t)size + 7) & ~(size_t)7, need = d->used + sizeof(ff_entry) + padded;
  if (need > d->room) {
    size_t room = need * 2;
    unsigned char *grown = realloc(d->log, room);
    if (grown == NULL) {
      d->broken = 1;
      return;
    }
    d->log = grown;
    d->room = room;
  }
  ff_entry e = {(uint32_t)op, handle, at, size, flag};
  memcpy(d->log + d->used, &e, sizeof e);
  if (size > 0) memcpy(d->log + d->used + sizeof e, data, (size_t)size);
  d->used = need;
}

// ff_begin wants the mutex. The files that are open already enter the log first.
int ff_begin(ff_disk *d) {
  if (d->recording) return 0;
  d->recording = 1;
  d->broken = 0;
  d->used = 0;
  d->noted = 0;
  for (ff_file *f = d->files; f != NULL; f = f->next) {
    if (f->direct) ff_log(d, FF_OPEN, f->handle, 0, f->name, (int64_t)strlen(f->name), 0);
  }
  return 1;
}

int ff_watch(ff_disk *d, const char *path) {
  char *copy = strdup(path);
  if (copy == NULL) return 0;
  ff_lock(d);
  free(d->watched);
  d->watched = copy;
  ff_unlock(d);
  return 1;
}

// ff_end hands the log over; the caller frees it. It answers 0 when there is none.
int ff_end(ff_disk *d, void **log, int64_t *size) {
  ff_lock(d);
  int fine = d->recording && !d->broken;
  *log = d->log;
  *size = (int64_t)d->used;
  d->recording = 0;
  d->log = NULL;
  d->used = d->room = 0;
  ff_unlock(d);
  return fine;
}

int ff_mark(ff_disk *d, int64_t number) {
  ff_lock(d);
  int fine = d->recording;
  ff_log(d, FF_MARK, 0, number, NULL, 0, 0);
  ff_unlock(d);
  return fine;
}

int ff_inject(ff_disk *d, const ff_fault *f) {
  ff_lock(d);
  int slot = 0;
  while (slot < FF_FAULTS && d->faults[slot].active) slot++;
  if (slot < FF_FAULTS) {
    d->faults[slot] = *f;
    d->faults[slot].active = 1;
  }
  ff_unlock(d);
  return slot < FF_FAULTS ? slot : -1;
}

// ff_clear answers how often the fault struck, and ends it if asked to.
int64_t ff_clear(ff_disk *d, int slot, int end) {
  ff_lock(d);
  int64_t hits = d->faults[slot].hits;
  if (end) d->faults[slot].active = 0;
  ff_unlock(d);
  return hits;
}

int64_t ff_count(ff_disk *d, int op, int kind) {
  ff_lock(d);
  int64_t n = d->counts[op][kind];
  ff_unlock(d);
  return n;
}

// A thread that only looks is neither counted nor disturbed.
static __thread int onlooker;

void ff_look(int looks) { onlooker += looks; }

int ff_meet(ff_disk *d, int op, int kind, ff_fault *met) {
  if (onlooker) return 0;
  d->counts[op][FF_ANY]++;
  d->counts[op][kind]++;
  for (int i = 0; i < FF_FAULTS; i++) {
    ff_fault *f = &d->faults[i];
    if (!f->active || f->op != op || (f->kind != FF_ANY && f->kind != kind)) continue;
    if (f->after > 0) {
      f->after--;
      continue;
    }
    if (f->times == 0) continue;
    if (f->times > 0) f->times--;
    f->hits++;
    *met = *f;
    return 1;
  }
  return 0;
}
