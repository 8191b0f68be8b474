import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { createCluster } from '../../agent/peer/cluster-file.ts';
import { newHostKey, openHostKey } from '../../agent/peer/host-key.ts';
import { encodeInvite, parseInvite, signInvite } from '../../agent/peer/invite.ts';
import { joinCluster } from '../../agent/peer/join.ts';
import { ShoalError } from '../../proto/error.ts';
import { until } from '../until.ts';
import { recordingRuntime, startCluster, type TestHost, tempDirectory } from './cluster.ts';

const only = (hosts: readonly TestHost[]): TestHost => {
  const [host] = hosts;
  if (!host) throw new Error('one host was started');
  return host;
};

test('join: an invite works once; another host that tries it is refused, with a line in both logs', async (t) => {
  const { hosts, register } = await startCluster(t, 1);
  const host = only(hosts);
  const { token, inviteId } = host.peer.invites.issue();
  t.true(token.length < 600, `${token.length} characters`);
  register.issued.set(inviteId, undefined);
  const directory = await tempDirectory(t);
  const { runtime, lines } = recordingRuntime();
  const joined = await joinCluster({ runtime }, token, { directory, hostName: 'host-2' });
  t.true(host.peer.roster.has(joined.hostId));
  t.deepEqual(joined.welcome, { greeting: 'hello' });
  t.is((await stat(join(directory, 'cluster.json'))).mode & 0o777, 0o600);
  t.deepEqual(await joinCluster({ runtime }, token, { directory, hostName: 'host-2' }), joined);

  const error = await t.throwsAsync(
    joinCluster({ runtime }, token, { directory: await tempDirectory(t), hostName: 'host-3' }),
    { instanceOf: ShoalError },
  );
  t.is(error?.code, 'INVITE_REFUSED');
  t.regex(error?.message ?? '', /it is used/);
  t.true(lines.some((line) => line.message === 'join failed'));
  t.true(host.lines.some((line) => line.message === 'join refused'));
  t.is(host.peer.roster.list().length, 2);
});

test('join: a newcomer that was killed after the invite was consumed comes again and is welcomed', async (t) => {
  const { hosts, register } = await startCluster(t, 1);
  const host = only(hosts);
  const { token, inviteId } = host.peer.invites.issue();
  const directory = await tempDirectory(t);
  const { hostId } = await openHostKey(directory);
  register.issued.set(inviteId, hostId);
  await host.peer.roster.add(hostId, 'host-2');
  const { runtime } = recordingRuntime();
  t.is((await joinCluster({ runtime }, token, { directory, hostName: 'host-2' })).hostId, hostId);
});

test('join: expired, unknown, forged and foreign invites are refused', async (t) => {
  const { hosts } = await startCluster(t, 1);
  const { peer } = only(hosts);
  const { runtime } = recordingRuntime();
  const attempt = async (token: string): Promise<ShoalError | undefined> =>
    t.throwsAsync(
      joinCluster({ runtime }, token, { directory: await tempDirectory(t), hostName: 'host-2' }),
      {
        instanceOf: ShoalError,
      },
    );

  const unknown = peer.invites.issue();
  const refusal = await attempt(unknown.token);
  t.is(refusal?.code, 'INVITE_REFUSED');
  t.regex(refusal?.message ?? '', /unknown/);

  const { body } = parseInvite(unknown.token);
  const expired = signInvite(peer.key, peer.cluster, { ...body, expiresAtMs: Date.now() - 1 });
  t.regex((await attempt(encodeInvite(expired)))?.message ?? '', /expired/);

  const stranger = newHostKey();
  const forged = signInvite(stranger, peer.cluster, { ...body, issuer: stranger.hostId });
  t.regex((await attempt(encodeInvite(forged)))?.message ?? '', /not on the roster/);

  const guessed = { ...parseInvite(unknown.token), secret: new Uint8Array(16) };
  t.is((await attempt(encodeInvite(guessed)))?.code, 'FORBIDDEN');

  const otherCluster = signInvite(peer.key, peer.cluster, { ...body, clusterId: 'f'.repeat(32) });
  t.truthy(await attempt(encodeInvite(otherCluster)));
  t.is(peer.roster.list().length, 1);
});

test('join: a token that was cut or changed is refused without a word to any host', async (t) => {
  const { hosts } = await startCluster(t, 1);
  const { token } = only(hosts).peer.invites.issue();
  const middle = token.length >> 1;
  for (const bad of [
    '',
    'shoal1.',
    token.slice(0, -5),
    token.slice(0, middle) + (token[middle] === 'A' ? 'B' : 'A') + token.slice(middle + 1),
    `${token}AAAA`.repeat(20),
  ])
    t.throws(() => parseInvite(bad), { message: /^Cannot read the invite/ });
  t.is(parseInvite(` ${token}\n`).body.clusterName, 'test');
});

test('join: a name that is taken is refused, and the invite is not used up', async (t) => {
  const { hosts, register } = await startCluster(t, 1);
  const { peer } = only(hosts);
  const { token, inviteId } = peer.invites.issue();
  register.issued.set(inviteId, undefined);
  const { runtime } = recordingRuntime();
  const directory = await tempDirectory(t);
  const error = await t.throwsAsync(joinCluster({ runtime }, token, { directory, hostName: 'host-1' }), {
    instanceOf: ShoalError,
  });
  t.is(error?.code, 'CONFLICT');
  await joinCluster({ runtime }, token, { directory, hostName: 'host-2' });
  t.is(peer.roster.list().length, 2);
});

test('join: a directory that belongs to a cluster takes no other', async (t) => {
  const directory = await tempDirectory(t);
  const { runtime } = recordingRuntime();
  await createCluster({ runtime }, { directory, name: 'one', hostName: 'host-1' });
  await t.throwsAsync(createCluster({ runtime }, { directory, name: 'two', hostName: 'host-1' }), {
    message: /belongs to cluster one/,
  });
  const { hosts } = await startCluster(t, 1);
  const { token } = only(hosts).peer.invites.issue();
  await t.throwsAsync(joinCluster({ runtime }, token, { directory, hostName: 'host-2' }), {
    message: /belongs to cluster one/,
  });
});

test('join: an invite outlives the host that issued it', async (t) => {
  const { hosts, register } = await startCluster(t, 3);
  const [first, second] = hosts;
  if (!first || !second) return t.fail();
  await until(
    'all three vote',
    () => second.lines.filter(({ message }) => message === 'roster: voter').length === 2,
  );
  const { token, inviteId } = first.peer.invites.issue();
  register.issued.set(inviteId, undefined);
  t.is(parseInvite(token).body.addresses.length, 3);
  await first.peer.stop();
  const { runtime } = recordingRuntime();
  const joined = await joinCluster({ runtime }, token, {
    directory: await tempDirectory(t),
    hostName: 'host-4',
  });
  t.true(second.peer.roster.has(joined.hostId));
});
