/** What is left of a journal after kill -9, a damaged disk, and a disk that forgot. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test, { type ExecutionContext } from 'ava';
import { type OpenJournal, openJournal } from '../../agent/journal/open-journal.ts';
import { openHostKey } from '../../agent/peer/host-key.ts';
import { type ClusterId, newClusterId } from '../../proto/ids.ts';
import { recordingRuntime, startCluster, type TestHost, tempDirectory } from '../peer/cluster.ts';
import { until } from '../until.ts';
import { deafRpc, emptyRoster } from './alone.ts';

const open = async (directory: string, clusterId: ClusterId) => {
  const { runtime, lines } = recordingRuntime();
  const key = await openHostKey(directory);
  const journal = await openJournal(
    { runtime, key, rpc: deafRpc(key.hostId), roster: emptyRoster, discovery: undefined },
    { directory, clusterId },
  );
  return { journal, lines };
};

const event = (target: string) => ({
  requestId: null,
  actor: null,
  action: 'test',
  target,
  outcome: 'done' as const,
});
const targets = async (journal: OpenJournal): Promise<string[]> =>
  (await journal.read({ limit: 1000, after: {} })).records.map((record) => record.target);

test('crash: after kill -9 every event that was flushed is read, in order', async (t) => {
  const directory = await tempDirectory(t);
  const clusterId = newClusterId();
  for (let round = 0; round < 2; round++) {
    const script = new URL('./child-writer.ts', import.meta.url).pathname;
    const child = spawn(process.execPath, [script, directory, clusterId], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.teardown(() => child.kill('SIGKILL'));
    let flushed = 0;
    for await (const line of createInterface(child.stdout)) {
      flushed = Number(line);
      if (flushed >= 300) child.kill('SIGKILL');
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    const { journal, lines } = await open(directory, clusterId);
    const read: string[] = [];
    let after = {};
    for (;;) {
      const page = await journal.read({ limit: 1000, after });
      if (page.records.length === 0) break;
      read.push(...page.records.map((record) => record.target));
      after = page.next;
    }
    const last = read.slice(read.lastIndexOf('0'));
    t.true(last.length >= flushed, `${last.length} read, ${flushed} were flushed`);
    t.deepEqual(
      last,
      Array.from(last, (_, n) => String(n)),
    );
    t.deepEqual(
      lines.filter((line) => line.level === 'error'),
      [],
    );
    await journal.stop();
  }
});

test('crash: a journal damaged beyond reading is set aside, and a new one begins', async (t) => {
  const directory = await tempDirectory(t);
  const clusterId = newClusterId();
  const first = await open(directory, clusterId);
  first.journal.append(event('old'));
  await first.journal.stop();
  const cores = join(directory, 'journal', 'cores');
  for (const entry of await readdir(cores, { recursive: true, withFileTypes: true }))
    if (entry.isFile() && /CURRENT|MANIFEST/.test(entry.name))
      await truncate(join(entry.parentPath, entry.name), 3);
  const second = await open(directory, clusterId);
  second.journal.append(event('new'));
  await second.journal.flush();
  t.deepEqual(await targets(second.journal), ['new']);
  t.true(second.lines.some((line) => line.message.startsWith('journal cannot be read')));
  await second.journal.stop();
});

test('crash: a lost list of logs, or a lost journal, costs history but not the start', async (t) => {
  const directory = await tempDirectory(t);
  const clusterId = newClusterId();
  const first = await open(directory, clusterId);
  first.journal.append(event('old'));
  await first.journal.stop();
  await writeFile(join(directory, 'journal', 'logs.json'), '[{"host":');
  const second = await open(directory, clusterId);
  second.journal.append(event('new'));
  await second.journal.stop();
  await rm(join(directory, 'journal', 'cores'), { recursive: true });
  const third = await open(directory, clusterId);
  third.journal.append(event('newer'));
  await third.journal.flush();
  t.deepEqual(await targets(third.journal), ['newer']);
  await third.journal.stop();
});

const journalOf = (host: TestHost): Promise<OpenJournal> =>
  openJournal(
    {
      runtime: host.runtime,
      key: host.peer.key,
      rpc: host.peer.rpc,
      roster: host.peer.roster,
      discovery: host.peer.discovery,
    },
    { directory: host.directory, clusterId: host.peer.cluster.clusterId as ClusterId },
  );

const startTwo = async (t: ExecutionContext) => {
  const { hosts } = await startCluster(t, 2, { discovery: { host: '127.0.0.1', port: 0 } });
  const [a, b] = hosts;
  if (!a || !b) throw new Error('two hosts were started');
  return { a, b };
};

test('crash: a history that was rewritten is detected; the first version stays, and the host writes on anew', async (t) => {
  const { a, b } = await startTwo(t);
  const atB = await journalOf(b);
  t.teardown(() => atB.stop());
  let atA = await journalOf(a);
  atA.append(event('one'));
  atA.append(event('two'));
  await until('b has both', async () => (await targets(atB)).length === 2);
  await atA.stop();
  await a.peer.stop();
  // The host forgets what it said and, while nobody can remind it, says something else under the same name and key.
  const cores = join(a.directory, 'journal', 'cores');
  await rm(cores, { recursive: true });
  await mkdir(cores);
  const { journal } = await open(a.directory, a.peer.cluster.clusterId as ClusterId);
  // A block each: only what is longer than the copy of the first version has to show itself.
  for (const target of ['another one', 'another two', 'another three']) {
    journal.append(event(target));
    await journal.flush();
  }
  await journal.stop();
  await a.restart();
  atA = await journalOf(a);
  t.teardown(() => atA.stop());
  await until('somebody noticed', () =>
    [...a.lines, ...b.lines].some((line) => line.message === 'journal history was rewritten'),
  );
  await until(
    'the first version can be read',
    async () => (await targets(atB)).slice(0, 2).join() === 'one,two',
  );
  await until(
    'what the host says now arrives',
    async () => {
      atA.append(event('three'));
      return (await targets(atB)).includes('three');
    },
    60_000,
  );
  t.pass();
});

test('crash: a host that forgot its log is given it back by those who have a copy, and goes on from there', async (t) => {
  const { a, b } = await startTwo(t);
  const atB = await journalOf(b);
  t.teardown(() => atB.stop());
  let atA = await journalOf(a);
  for (const target of ['one', 'two']) atA.append(event(target));
  await until('b has both', async () => (await targets(atB)).length === 2);
  await atA.stop();
  const cores = join(a.directory, 'journal', 'cores');
  await rm(cores, { recursive: true });
  await mkdir(cores);
  await a.restart();
  atA = await journalOf(a);
  t.teardown(() => atA.stop());
  await until('it has them back', async () => (await targets(atA)).join() === 'one,two');
  atA.append(event('three'));
  await until('b has what came after', async () => (await targets(atB)).join() === 'one,two,three');
  t.false([...a.lines, ...b.lines].some((line) => line.message === 'journal history was rewritten'));
});
