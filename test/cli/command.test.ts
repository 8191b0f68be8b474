import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { errorTable } from '../../proto/error.ts';

const bin = fileURLToPath(new URL('../../cli/bin.js', import.meta.url));
const shoal = (...args: string[]) => spawnSync(process.execPath, [bin, ...args], { encoding: 'utf8' });

test('shoal: help names every noun', (t) => {
  const help = execFileSync(process.execPath, [bin, '--help'], { encoding: 'utf8' });
  for (const noun of [
    'init',
    'join',
    'agent',
    'host',
    'layout',
    'health',
    'invite',
    'event',
    'object',
    'image',
    'server',
    'dev',
  ])
    t.regex(help, new RegExp(`^ {2}${noun}\\b`, 'm'));
});

test('shoal: a wrong word is one line on standard error and exit status 2', (t) => {
  const { status, stdout, stderr } = shoal('frob');
  t.is(status, errorTable.BAD_REQUEST.exit);
  t.is(stdout, '');
  t.is(stderr.trim().split('\n').length, 1);
});

test('shoal: a rehearsal that is not there is exit status 3', (t) => {
  const { status, stderr } = shoal('dev', 'status', '--data', '/nonexistent');
  t.is(status, errorTable.NOT_FOUND.exit);
  t.regex(stderr, /^shoal: Cannot find a rehearsal/);
});

test('shoal: an agent that does not answer is exit status 6', (t) => {
  const { status, stderr } = spawnSync(process.execPath, [bin, 'host', 'list'], {
    encoding: 'utf8',
    env: {
      ...process.env,
      OS_AUTH_URL: 'http://127.0.0.1:9/identity/v3',
      OS_USERNAME: 'u',
      OS_PASSWORD: 'p',
    },
  });
  t.is(status, errorTable.UNREACHABLE.exit);
  t.is(stderr, 'shoal: Cannot log in: no agent answers at http://127.0.0.1:9\n');
});
