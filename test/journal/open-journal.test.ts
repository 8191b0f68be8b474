import test, { type ExecutionContext } from 'ava';
import { logsPerHostMax } from '../../agent/journal/limits.ts';
import { signLogName } from '../../agent/journal/log.ts';
import { type OpenJournal, openJournal } from '../../agent/journal/open-journal.ts';
import type { ClusterId } from '../../proto/ids.ts';
import type { LogName } from '../../proto/message/journal.ts';
import { startCluster, type TestHost } from '../peer/cluster.ts';
import { until } from '../until.ts';

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

test('journal: a host that makes up logs, of others or of its own without end, fills nobody', async (t) => {
  const { hosts } = await startCluster(t, 2, { discovery });
  const [honest, liar] = hosts;
  if (!honest || !liar) return t.fail();
  const journal = await journalOf(t, honest);
  const clusterId = honest.peer.cluster.clusterId as ClusterId;
  const tell = async (names: readonly LogName[]): Promise<readonly LogName[]> =>
    (await liar.peer.rpc.request(honest.peer.self, 'journal.logs', names)) as LogName[];
  const made = Array.from({ length: 3 * logsPerHostMax }, (_, epoch) => epoch);
  const ofHost = (names: readonly LogName[], host: TestHost): number =>
    names.filter((name) => name.host === host.peer.self).length;
  const forged = made.map((epoch) => ({
    ...signLogName(liar.peer.key, clusterId, epoch),
    host: honest.peer.self,
  }));
  t.is(ofHost(await tell(forged), honest), 1, 'its own only');
  t.is(
    ofHost(await tell(made.map((epoch) => signLogName(liar.peer.key, clusterId, epoch))), liar),
    logsPerHostMax,
  );
  journal.append(event('still'));
  await journal.flush();
  t.deepEqual(await targets(journal), ['still']);
});
