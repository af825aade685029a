/*
 * The process title that ps(1) shows.
 */
#ifndef BASE_TITLE_H
#define BASE_TITLE_H

/*
 * Call first in main. Moves the environment to the heap so that its memory can
 * carry the title, and wipes the old copy, which may hold secrets that
 * /proc/PID/environ would go on showing. argv stays readable through the copy
 * that is returned; the caller uses that from then on.
 */
char	**title_init(int argc, char **argv);

/* "dbbat: " goes before it. */
void	title_set(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
