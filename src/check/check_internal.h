/*
 * Between the files of the check: one target's answers on their way into the report.
 */
#ifndef CHECK_CHECK_INTERNAL_H
#define CHECK_CHECK_INTERNAL_H

#include <cjson/cJSON.h>
#include <libpq-fe.h>
#include <stdbool.h>

#define CHECK_TEXT_SIZE	201

/* The target's text as it may stand in a report: cut, in UTF-8, on one line. */
const char	*check_text(const char *text, char out[CHECK_TEXT_SIZE]);

/* Asks the catalogue what the role could do; adds findings, remarks and script. True: nothing was found. */
bool	check_role(PGconn *conn, const char *script_role, cJSON *report);

#endif
