#!/usr/bin/env python3
"""The cases in other clothes: each statement by other paths, in other transactions, inside other statements.

    vary.py PER-CASE SEED attack|must-work FILE... >variants.jsonl

takes PER-CASE forms for each case whose steps are all plain SQL, drawn by SEED, and names a variant CASE~form. Forms
that need a SELECT are left out for cases that end with another statement.
"""
import json, random, sys

def bare(sql): return sql.strip().rstrip(';').strip()
def is_select(sql): return sql.strip().lower().startswith(('select', 'values', 'table ', 'with', '('))
def extended(sql): return {'op': 'ext', 'sql': sql}

def pipeline(statements, sync_each=False):
    msgs = []
    for sql in statements:
        msgs += [['P', '', sql], ['B', '', ''], ['D', 'P', ''], ['E', '']] + ([['S']] if sync_each else [])
    return [{'op': 'msgs', 'msgs': msgs if sync_each else msgs + [['S']]}]

def parsed_first(statements):
    msgs = [['P', f'n{i}', sql] for i, sql in enumerate(statements)] + [['S']]
    for i in range(len(statements)):
        msgs += [['B', f'p{i}', f'n{i}'], ['E', f'p{i}'], ['S']]
    return [{'op': 'msgs', 'msgs': msgs}]

def last(form):
    "the last statement, a SELECT, inside another"
    return lambda ss: ss[:-1] + form(bare(ss[-1])) if is_select(ss[-1]) else None

# forms in which what worked must go on to work
PLAIN = {
    'extended': lambda ss: [extended(s) for s in ss],
    'pipeline': pipeline,
    'pipeline-of-syncs': lambda ss: pipeline(ss, True),
    'parsed-first': parsed_first,
    'multi': lambda ss: ['; '.join(map(bare, ss))],
    'multi-between': lambda ss: ['SELECT 1; ' + '; '.join(map(bare, ss)) + '; SELECT 2'],
    'block': lambda ss: ['BEGIN'] + ss + ['COMMIT'],
    'block-local': lambda ss: ['BEGIN', "SET LOCAL work_mem = '5MB'"] + ss + ['COMMIT'],
    'block-kept': lambda ss: ['BEGIN', "SET work_mem = '5MB'"] + ss + ['COMMIT'],
    'block-in-one': lambda ss: ['BEGIN; ' + '; '.join(map(bare, ss)) + '; COMMIT'],
    'block-pipeline': lambda ss: pipeline(['BEGIN'] + ss + ['COMMIT']),
    'block-pipeline-of-syncs': lambda ss: pipeline(['BEGIN'] + ss + ['COMMIT'], True),
    'savepoint': lambda ss: ['BEGIN', 'SAVEPOINT a'] + ss + ['RELEASE a', 'COMMIT'],
    'savepoint-back': lambda ss: ['BEGIN', 'SAVEPOINT a', 'SELECT 1/0', 'ROLLBACK TO a'] + ss + ['COMMIT'],
    'chain': lambda ss: ['BEGIN', 'COMMIT AND CHAIN'] + ss + ['COMMIT'],
    'serializable': lambda ss: ['BEGIN ISOLATION LEVEL SERIALIZABLE'] + ss + ['END'],
    'after-error': lambda ss: ['BEGIN', 'SELECT 1/0', 'ROLLBACK'] + ss,
    'after-reset': lambda ss: ['RESET ALL'] + ss,
    'twice': lambda ss: ss + ss,
    'comments': lambda ss: [f'/* c /* nested */ */ -- x\n\t{s} -- y' for s in ss],
    'crlf': lambda ss: [f'\r\n{s}\r\n' for s in ss],
    'prepare': last(lambda s: [f'PREPARE zz AS {s}', 'EXECUTE zz', 'EXECUTE zz', 'DEALLOCATE zz']),
    'prepare-extended': last(lambda s: [extended(f'PREPARE zz AS {s}'), extended('EXECUTE zz')]),
    'cursor': last(lambda s: ['BEGIN', f'DECLARE zz CURSOR FOR {s}', 'FETCH 1 FROM zz', 'FETCH ALL FROM zz', 'CLOSE zz', 'COMMIT']),
    'explain': last(lambda s: [f'EXPLAIN (ANALYZE, COSTS off) {s}']),
    'copy': last(lambda s: [f'COPY ({s}) TO STDOUT']),
    'cte': last(lambda s: [f'WITH zz AS MATERIALIZED ({s}) SELECT count(*) FROM zz']),
    'subselect': last(lambda s: [f'SELECT * FROM ({s}) zz LIMIT 100']),
    'union': last(lambda s: [f'({s}) UNION ALL ({s})']),
}
# and some in which it need not
HOSTILE = {
    'rollback-chain': lambda ss: ['BEGIN', 'SHOW work_mem', 'ROLLBACK AND CHAIN'] + ss + ['COMMIT'],
    'after-discard': lambda ss: ['DISCARD ALL'] + ss,
    'lateral': last(lambda s: [f'SELECT * FROM generate_series(1, 2) g, LATERAL ({s}) zz']),
    'exists': last(lambda s: [f'SELECT 1 WHERE EXISTS ({s}) OR array(SELECT g FROM generate_series(1, 2) g) IS NULL']),
}

def main(per_case, seed, kind, *files):
    draw = random.Random(int(seed))
    forms = {**PLAIN, **(HOSTILE if kind == 'attack' else {})}
    for line in (line for file in files for line in open(file) if line.startswith('{')):
        case = json.loads(line)
        if not all(isinstance(s, str) for s in case['steps']): continue
        for name in draw.sample(sorted(forms), min(int(per_case), len(forms))):
            steps = forms[name](list(case['steps']))
            if steps is None: continue
            # what a form prints is another matter than what it does
            variant = {k: v for k, v in case.items() if k not in ('expect_output',)}
            print(json.dumps({**variant, 'id': f"{case['id']}~{name}", 'steps': steps}))

if __name__ == '__main__':
    if len(sys.argv) < 5: sys.exit(__doc__)
    main(*sys.argv[1:])
