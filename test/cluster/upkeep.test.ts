/** /v1/repair and /v1/scrub: whoever is asked asks every host, and says so of those that do not answer. */
import test, { type ExecutionContext } from 'ava';
import { recorder } from '../../agent/cluster/recorder.ts';
import { serveUpkeep, type UpkeepOf } from '../../agent/cluster/upkeep.ts';
import type { JournalEvent } from '../../agent/journal/port.ts';
import type { Members } from '../../agent/membership/port.ts';
import type { Rpc, RpcHandler } from '../../agent/peer/port.ts';
import { ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import { startApi } from '../fake/http.ts';

const hostId = (letter: string): HostId => `12D3Koo${letter.repeat(45)}` as HostId;
const [self, peer, odd, mute, dead] = ['A', 'B', 'C', 'D', 'E'].map(hostId) as [
  HostId,
  HostId,
  HostId,
  HostId,
  HostId,
];

const stateOf = (missing: number): ReturnType<UpkeepOf['state']> => ({
  repair: {
    ...{ missing, damaged: 1, copies: { one: missing, unknown: 0, several: 1, none: 0 } },
    ...{ bytesLeft: 10, secondsLeft: null, repairedBytes: 5, rowsToHeal: 0 },
  },
  scrub: {
    ...{ startedAtMs: 1, chunks: 2, bytes: 3, damaged: 1, running: true, position: 0.5, bytesPerSecond: 8 },
    lastPass: { startedAtMs: 0, chunks: 1, bytes: 1, damaged: 0, endedAtMs: 1 },
  },
});

const open = async (t: ExecutionContext) => {
  const ran: string[] = [];
  const events: JournalEvent[] = [];
  const handlers = new Map<string, RpcHandler>();
  const rpc: Rpc = {
    self,
    async request(to, method, body) {
      if (to === mute) throw new ShoalError('TIMEOUT', 'no answer');
      if (to === dead) throw new Error('it is known to be dead');
      if (to === odd) return { repair: 'fine' };
      const handler = handlers.get(method);
      if (!handler) throw new ShoalError('NOT_IMPLEMENTED', method);
      if (to === peer && !method.startsWith('cluster.run')) return stateOf(7);
      return handler(self, body, new AbortController().signal);
    },
    notify: () => {},
    handle: (method, handler) => void handlers.set(method, handler),
  };
  const members = {
    self,
    list: () =>
      [self, peer, odd, mute, dead].map((id) => ({ hostId: id, name: id.slice(-1), state: 'alive' })),
    isReachable: (id: HostId) => id !== dead,
  } as unknown as Members;
  const api = await startApi((http) =>
    serveUpkeep({
      ...{
        http,
        members,
        recorder: recorder({ append: (event: JournalEvent) => void events.push(event) } as never),
      },
      upkeep: { rpc, state: () => stateOf(0), run: (what) => void ran.push(what) },
    }),
  );
  t.teardown(() => api.stop());
  const call = async (method: string, path: string, token = 'admin') => {
    const answer = await fetch(`${api.url}/cluster${path}`, { method, headers: { 'x-auth-token': token } });
    return { status: answer.status, body: (await answer.json()) as { hosts: never } };
  };
  return { call, ran, events };
};

test('upkeep: every host says how its repair is; one that does not, or says nonsense, is shown without a state', async (t) => {
  const { call } = await open(t);
  const { status, body } = await call('GET', '/v1/repair');
  t.is(status, 200);
  t.deepEqual(body.hosts, [
    { hostId: self, name: 'A', state: stateOf(0).repair },
    { hostId: peer, name: 'B', state: stateOf(7).repair },
    { hostId: odd, name: 'C', state: null },
    { hostId: mute, name: 'D', state: null },
    { hostId: dead, name: 'E', state: null },
  ] as never);
});

test('upkeep: every host says how its scrub is', async (t) => {
  const { call } = await open(t);
  const { status, body } = await call('GET', '/v1/scrub');
  t.is(status, 200);
  t.deepEqual(
    (body.hosts as { state: unknown }[]).map(({ state }) => state),
    [stateOf(0).scrub, stateOf(7).scrub, null, null, null],
  );
});

for (const what of ['repair', 'scrub'])
  test(`upkeep: a ${what} that is asked for begins on every host that can be told, and is on record`, async (t) => {
    const { call, ran, events } = await open(t);
    const { status, body } = await call('POST', `/v1/${what}`);
    t.is(status, 202);
    // The one that talks nonsense took the order.
    t.deepEqual(body, { hosts: 3 } as never);
    t.deepEqual(ran, [what, what], 'this host and the peer that shares its handlers here');
    t.deepEqual(
      events.map(({ action, outcome }) => `${action} ${outcome}`),
      [`${what}.run done`],
    );
  });

test('upkeep: neither is for anybody but admins', async (t) => {
  const { call, ran, events } = await open(t);
  for (const path of ['/v1/repair', '/v1/scrub'])
    for (const method of ['GET', 'POST']) t.is((await call(method, path, 'member:reef')).status, 403);
  t.deepEqual([ran, events], [[], []]);
});
