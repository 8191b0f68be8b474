/**
 * Tempest's own JSON schemas of Nova's answers as an oracle: strict, written by others. Debian's python3-tempest (or
 * tempest) has them; where it is missing the answers are only counted.
 */
import { spawnSync } from 'node:child_process';

const program = `
import importlib, json, sys
from tempest.lib.common import jsonschema_validator as v
bad = []
for one in json.load(sys.stdin):
    module, name = one['schema'].rsplit('.', 1)
    schema = getattr(importlib.import_module('tempest.lib.api_schema.response.compute.' + module), name)
    if one['status'] not in schema['status_code']:
        bad.append('%s: status %s, not %s' % (one['schema'], one['status'], schema['status_code']))
    body = schema.get('response_body')
    if body is None: continue
    for error in v.JSONSCHEMA_VALIDATOR(body, format_checker=v.FORMAT_CHECKER).iter_errors(one['body']):
        bad.append('%s: %s at %s' % (one['schema'], error.message[:300], list(error.absolute_path)))
print(json.dumps(bad))
`;

export interface Judged {
  /** E.g. `v2_1.servers.get_server`. */
  readonly schema: string;
  readonly status: number;
  readonly body: unknown;
}

/** Null: the oracle is not here. */
export const judge = (answers: readonly Judged[]): readonly string[] | null => {
  const probe = spawnSync('/usr/bin/python3', ['-c', 'import tempest.lib'], { encoding: 'utf8' });
  if (probe.status !== 0) return null;
  const run = spawnSync('/usr/bin/python3', ['-c', program], {
    input: JSON.stringify(answers),
    encoding: 'utf8',
  });
  if (run.status !== 0) throw new Error(`the oracle failed: ${run.stderr}`);
  return JSON.parse(run.stdout) as string[];
};
