/*
 * What the files of this directory share: the judgement under way, the verdict's wording, the lists.
 */
#ifndef POLICY_POLICY_JUDGE_H
#define POLICY_POLICY_JUDGE_H

#include "policy/policy.h"
#include "policy/policy_json.h"

#define WOULD_WRITE	"25006"
#define NOT_GRANTED	"42501"

#define HINT_WRITE	"Ask an administrator for a write grant."
#define HINT_ADMIN	"Ask an administrator if you need this."
#define HINT_RESOURCE	"An administrator can allow it: read_refuse."

/* --- policy_verdict.c --- */
/* The message is cut and made printable ASCII, as the client's encoding is not known here. */
void	verdict_refuse(struct policy_verdict *v, const char *rule, const char *sqlstate, const char *hint,
	    const char *fmt, ...) __attribute__((format(printf, 5, 6)));
void	verdict_refuse_deep(struct policy_verdict *v);
/* What libpg_query says about a text it cannot read. `position` counts characters from 1; 0: unknown. */
void	verdict_refuse_syntax(struct policy_verdict *v, const char *message, int position);
/* For "%.*s". */
#define SLICE(s)	(int)(s).n, (const char *)(s).p

/* --- policy_names.c: the lists; names are as the server sees them, folded by its lexer --- */
enum name_verdict { NAME_YES, NAME_NO, NAME_UNKNOWN };

/* Of the function list, by the last part of the name. `refused`: of enum policy_resource. */
enum name_verdict	policy_function(struct slice name, unsigned refused);
/* Do the configuration's functions name this one? `schema` may be empty: not qualified. */
bool	policy_function_listed(const char *functions, struct slice schema, struct slice name);
/* Could it be a function of the system or of an extension that acts, going by how it is named? */
bool	policy_function_reserved(struct slice name);
/* As the server may see them. */
bool	policy_name_equal(struct slice a, struct slice b);
bool	policy_name_is(struct slice name, const char *text);
bool	policy_schema_denied(struct slice name);
bool	policy_relation_denied(struct slice name);

/* --- policy_settings.c --- */
enum setting_action { SETTING_VALUE, SETTING_DEFAULT };

/*
 * May `name` be set to `value`? SETTING_DEFAULT is RESET, TO DEFAULT and set_config(…, NULL). A value that is no
 * constant is {NULL, 0}: allowed only where the value does not matter.
 */
void	policy_setting(struct slice name, enum setting_action action, struct slice value,
	    struct policy_verdict *v);

/* Notes that a setting outlives the transaction, if it commits. An empty name: any setting may. */
void	policy_setting_keep(struct slice name, struct policy_verdict *v);

/* --- policy_bounds.c --- */
/* False: the lexer could take too much time over it. */
bool	policy_bounds_lexer(const char *text, size_t len);
/* False and refused: parsing `text`, which is terminated, could take too much stack or time, or the lexer fails. */
bool	policy_bounds_check(const char *text, size_t len, struct policy_verdict *v);

/* --- policy_write.c --- */
bool	policy_write_passes(struct slice text);	/* without being parsed */
void	policy_write_judge(struct slice text, struct policy_verdict *v);

/* --- policy_columns.c: of a statement, the nodes from `from` up to `end` --- */
void	policy_columns_judge(const struct json_tree *t, uint32_t from, uint32_t end, struct policy_verdict *v);

/* --- policy_tree.c --- */
/* Judges the nodes from `from` up to `end` against the list of node types, with each type's check. */
void	policy_tree_walk(const struct json_tree *t, uint32_t from, uint32_t end, struct policy_verdict *v);
/* Refuses a statement or clause by its node type, in words a person knows. */
void	policy_tree_refuse_node(struct slice type, struct policy_verdict *v);
/* The text of {"String": …} or, with "A_Const", of a constant; {NULL, 0}: it is neither. */
struct slice	policy_tree_string(const struct json_tree *t, uint32_t element);
struct slice	policy_tree_const(const struct json_tree *t, uint32_t element, bool *is_null);

#endif
