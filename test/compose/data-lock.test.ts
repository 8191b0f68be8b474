import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { lockData } from '../../agent/compose/data-lock.ts';

const folder = (): string => mkdtempSync(join(tmpdir(), 'shoal-lock-'));
const startOf = (pid: number): string =>
  readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19] ?? '';

test('data lock: it can be taken again once it was released', (t) => {
  const directory = folder();
  lockData(directory)();
  const release = lockData(directory);
  t.truthy(readFileSync(join(directory, 'agent.lock'), 'utf8'));
  release();
});

test('data lock: a living holder is named and keeps it', (t) => {
  const directory = folder();
  writeFileSync(join(directory, 'agent.lock'), `${process.ppid} ${startOf(process.ppid)}`);
  t.throws(() => lockData(directory), {
    code: 'CONFLICT',
    message: new RegExp(`process ${process.ppid} runs one there`),
  });
});

test('data lock: a holder that was killed does not count, not even while its parent has not collected it', async (t) => {
  const directory = folder();
  // The shell starts a child and never waits for it: killed, the child stays a zombie until the shell ends.
  const shell = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 60'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  try {
    const pid = Number(String((await once(shell.stdout, 'data'))[0]));
    writeFileSync(join(directory, 'agent.lock'), `${pid} ${startOf(pid)}`);
    process.kill(pid, 'SIGKILL');
    while (!/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8')))
      await new Promise((resolve) => setTimeout(resolve, 5));
    t.notThrows(() => lockData(directory)());
  } finally {
    shell.kill('SIGKILL');
  }
});

test('data lock: a pid that is another program by now does not count', (t) => {
  const directory = folder();
  writeFileSync(join(directory, 'agent.lock'), `${process.ppid} 1`);
  t.notThrows(() => lockData(directory)());
});
