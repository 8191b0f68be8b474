import test, { type ExecutionContext } from 'ava';
import { type OpenJournal, openJournal } from '../../agent/journal/open-journal.ts';
import type { ClusterId } from '../../proto/ids.ts';
import { startCluster, type TestHost, until } from '../peer/cluster.ts';

const discovery = { host: '127.0.0.1', port: 0 };

const journalOf = async (t: ExecutionContext, host: TestHost): Promise<OpenJournal> => {
  const { peer, directory, runtime } = host;
  const journal = await openJournal(
    { runtime, key: peer.key, rpc: peer.rpc, roster: peer.roster, discovery: peer.discovery },
    { directory, clusterId: peer.cluster.clusterId as ClusterId },
  );
  t.teardown(() => journal.stop().catch(() => {}));
  return journal;
};

const event = (target: string) => ({
  requestId: null,
  actor: null,
  action: 'server.create',
  target,
  outcome: 'accepted' as const,
});

const targets = async (journal: OpenJournal): Promise<string[]> =>
  (await journal.read({ limit: 1000 })).records.map((record) => record.target);

test('journal: what three hosts append is read at each of them, and after a restart', async (t) => {
  const { hosts } = await startCluster(t, 3, { discovery });
  const journals: OpenJournal[] = [];
  for (const host of hosts) journals.push(await journalOf(t, host));
  for (const [index, journal] of journals.entries())
    for (let n = 0; n < 5; n++) journal.append(event(`${index}/${n}`));
  const all = hosts.flatMap((_, index) => [0, 1, 2, 3, 4].map((n) => `${index}/${n}`)).sort();
  for (const journal of journals)
    await until('all events are here', async () => (await targets(journal)).length === all.length);
  for (const journal of journals) t.deepEqual((await targets(journal)).sort(), all);

  const [first] = hosts;
  const [journal] = journals;
  if (!first || !journal) return t.fail();
  await journal.stop();
  await first.restart();
  const again = await journalOf(t, first);
  t.deepEqual((await targets(again)).sort(), all);
  again.append(event('0/after'));
  for (const other of journals.slice(1))
    await until('the event after the restart arrives', async () =>
      (await targets(other)).includes('0/after'),
    );
});
