/** What rostered hosts say to the ground rooms: membership, layouts, tables, chunks, journals. */
import { blockCodec, signLogName } from '../../../agent/journal/log.ts';
import { checkLogNames } from '../../../agent/journal/log-set.ts';
import { signCard } from '../../../agent/membership/signed-card.ts';
import { checker } from '../../../agent/peer/check.ts';
import { verifySignature } from '../../../agent/peer/host-key.ts';
import { decodeLayout, foundLayout, layoutCodec, nextLayout } from '../../../agent/ring/layout.ts';
import { parsePlace } from '../../../agent/ring/zone.ts';
import { asShoalError } from '../../../proto/error.ts';
import { parseChunkId } from '../../../proto/ids.ts';
import { chunkMethods, parseMessage } from '../../../proto/message/chunk.ts';
import { StoredEvent } from '../../../proto/message/journal.ts';
import { packVitals, parseSwimMessage } from '../../../proto/message/membership.ts';
import { BatchAnswer, operations } from '../../../proto/message/table.ts';
import { card, clusterId, facts, nowMs, other, own, third, vitals } from '../samples.ts';
import { packedTarget, type Target, textTarget, valueTarget } from '../target.ts';
import { type GroundWorld, lastLoggedError, openGround } from '../world.ts';

const swimMessages = [
  { kind: 'ping', probe: 1, facts },
  { kind: 'ack', probe: 1, facts },
  { kind: 'nack', probe: 1, facts: [] },
  { kind: 'relay', probe: 2, target: third.hostId, facts },
  { kind: 'gossip', facts },
  { kind: 'compare', digest: 77, facts },
  { kind: 'state', answer: true, facts },
];

/** As the world founds its own: votes follow it. */
const { zone, capacityBytes } = card;
const member = (hostId: string) => ({ hostId, zone, capacityBytes, weight: capacityBytes });
const proposal = { atMs: nowMs, by: own.hostId };
const first = foundLayout(member(own.hostId), 4, proposal);
const second = nextLayout(first, {
  members: [member(own.hostId), member(other.hostId)],
  reason: 'joined: host-2',
  ...proposal,
});
const wish = { value: 1, sequence: 3, host: other.hostId, atMs: nowMs, by: 'admin' };
const wishes = { paused: wish, [`drain/${other.hostId}`]: wish };
const progress = { ack: { [other.hostId]: 1 }, sync: { [other.hostId]: 1 }, syncAck: { [other.hostId]: 1 } };
const ballot = { round: 5, host: other.hostId, run: 1 };
const votes = [
  { kind: 'read' },
  { kind: 'prepare', ballot },
  {
    kind: 'accept',
    accepted: { ballot, value: layoutCodec.encode(second), lineage: [1] },
    next: { ...ballot, round: 6 },
  },
].map((request) => ({ version: 2, previous: second.previous, request }));

const row = { table: 'thing', partitionKey: 'p', sortKey: 'k' };
const stamp = { wallMs: nowMs, count: 0, host: other.hostId };
const value = Uint8Array.from({ length: 12 }, (_, at) => at + 1);
const digest = new Uint8Array(16);
const accepted = { ballot, value, lineage: [1] };
const set = { expected: digest, value, replaces: null, base: null };
const asks = [
  { do: 'get', ...row, value: true },
  { do: 'put', ...row, stamp, weight: 1, value, repair: false },
  { do: 'put', ...row, stamp, weight: 1, value: null, repair: true },
  { do: 'register', ...row, table: 'cell', request: { kind: 'read' } },
  { do: 'register', ...row, table: 'cell', request: { kind: 'prepare', ballot } },
  { do: 'register', ...row, table: 'cell', request: { kind: 'accept', accepted, next: null } },
  { do: 'change', ...row, table: 'cell', isLoser: false, set },
  { do: 'change', ...row, table: 'cell', isLoser: true, set: { ...set, value: value.subarray(0, 8) } },
  { do: 'change', ...row, table: 'cell', isLoser: false, set: null },
  { do: 'range', ...row, from: new Uint8Array(), to: null, reverse: false, limit: 10, values: true },
  { do: 'tally', ...row },
  { do: 'reconcile', partition: 1, with: [other.hostId] },
  { do: 'roots', partitions: [0, 1], digests: new Uint8Array(32) },
  { do: 'nodes', partition: 1, level: 0, index: 0 },
  { do: 'leaf', partition: 1, leaf: 5, after: digest },
  { do: 'fetch', partition: 1, keys: [digest] },
  { do: 'push', partition: 1, rows: [{ ...row, state: { kind: 'lww', stamp, weight: 1, value } }] },
  { do: 'push', partition: 1, rows: [{ ...row, state: { kind: 'register', promised: ballot, accepted } }] },
];
const batches = [{ layout: 1, operations: asks }, ...asks.map((ask) => ({ layout: 1, operations: [ask] }))];

const cardRecord = signCard(
  { sign: other.sign, verify: verifySignature },
  { host: other.hostId, incarnation: 2, card },
);
const event = {
  atMs: nowMs,
  requestId: 'req-1',
  actor: { userId: 'u', userName: 'ann', projectId: null },
  action: 'object.put',
  target: 'reef.jpg',
  outcome: 'done',
  detail: { bytes: 5, more: ['x'] },
};
const chunkId = 'ab'.repeat(32);
const chunkSamples: Readonly<Record<keyof typeof chunkMethods, readonly [object, object]>> = {
  have: [{ ids: [chunkId] }, { have: [true, false] }],
  keep: [{ ids: [chunkId], layout: 3 }, { kept: [true] }],
  check: [{ ids: [chunkId] }, { queued: 1 }],
  differ: [{ digests: [[1, chunkId]], fresh: true }, { partitions: [1, 2] }],
  list: [
    { partitions: [1, 2], after: null },
    { ids: [chunkId], more: false },
  ],
  uploads: [{ users: ['object:a'] }, { underWay: [true, false] }],
} as const;

/** A whole world for each method, renewed now and then: what is taken fills it. */
const handlerTarget = async (
  name: string,
  samples: readonly unknown[],
  refusals: Target['refusals'],
  call: (world: GroundWorld, body: unknown) => unknown,
): Promise<Target> => {
  let world = await openGround();
  return valueTarget(
    {
      name,
      refusals,
      run: (body) => call(world, body),
      state: () => world.state(),
      async renew() {
        await world.stop();
        world = await openGround();
      },
      close: () => world.stop(),
    },
    samples,
  );
};

export const groundTargets = async (): Promise<readonly Target[]> => [
  packedTarget({ name: 'layout', refusals: ['BAD_REQUEST', 'DAMAGED'], run: decodeLayout }, [first, second]),
  valueTarget({ name: 'membership message', refusals: ['BAD_REQUEST'], run: parseSwimMessage }, swimMessages),
  textTarget({ name: 'zone', refusals: [], run: parsePlace }, ['z1', 'z1/r2']),
  textTarget({ name: 'chunk id', refusals: ['BAD_REQUEST'], run: parseChunkId }, [chunkId]),
  await handlerTarget('rpc membership', swimMessages, ['BAD_REQUEST'], (world, body) =>
    world.call('membership', body),
  ),
  await handlerTarget(
    'rpc membership.cards',
    [{ hosts: [own.hostId, other.hostId] }],
    ['BAD_REQUEST'],
    (world, body) => world.call('membership.cards', body),
  ),
  await handlerTarget('gossip members', [{ facts, card: cardRecord }, { facts }], [], (world, body) =>
    world.gossip('members', body),
  ),
  await handlerTarget('rpc membership.vitals', [packVitals(vitals)], ['BAD_REQUEST'], (world, body) =>
    world.call('membership.vitals', body),
  ),
  await handlerTarget('rpc layout.fetch', [{ after: 0 }, { after: 1 }], ['BAD_REQUEST'], (world, body) =>
    world.call('layout.fetch', body),
  ),
  await handlerTarget(
    'rpc layout.push',
    [{ oldest: 1, layouts: [first, second], progress, wishes }],
    ['BAD_REQUEST'],
    (world, body) => world.call('layout.push', body),
  ),
  await handlerTarget('rpc layout.wish', [wishes], ['BAD_REQUEST'], (world, body) =>
    world.call('layout.wish', body),
  ),
  await handlerTarget(
    'rpc layout.register',
    votes,
    ['BAD_REQUEST', 'STALE_LAYOUT', 'DAMAGED'],
    (world, body) => world.call('layout.register', body),
  ),
  await handlerTarget(
    'gossip layout',
    [
      { newest: 2, digest: null, progress, layout: second, wishes, wishesDigest: 'a1' },
      { newest: 1, digest: null, progress, wishesDigest: '' },
    ],
    [],
    (world, body) => world.gossip('layout', body),
  ),
  await handlerTarget('rpc table.ask', batches, ['BAD_REQUEST', 'STALE_LAYOUT'], async (world, body) => {
    const { answers } = (await world.call('table.ask', body)) as {
      answers: { error?: { code: string; message: string } }[];
    };
    for (const { error } of answers)
      if (error?.code === 'INTERNAL') throw asShoalError(lastLoggedError()).cause;
  }),
  ...Object.entries(operations).map(([name, { answer }]) => {
    const check = checker(`answer to ${name}`, answer, { bytes: true });
    return valueTarget({ name: `answer ${name}`, refusals: ['BAD_REQUEST'], run: check }, [
      answerSamples[name as keyof typeof operations],
    ]);
  }),
  valueTarget({ name: 'answer batch', refusals: ['BAD_REQUEST'], run: checker('answers', BatchAnswer) }, [
    { answers: [{ value: null }, { error: { code: 'BUSY', message: 'later' } }, { again: true }] },
  ]),
  ...Object.entries(chunkMethods).flatMap(([name, { request, answer }]) => {
    const [asked, told] = chunkSamples[name as keyof typeof chunkSamples];
    return [
      valueTarget(
        {
          name: `chunk.${name}`,
          refusals: ['BAD_REQUEST'],
          run: (body) => parseMessage(name, request, body),
        },
        [asked],
      ),
      valueTarget(
        {
          name: `answer chunk.${name}`,
          refusals: ['BAD_REQUEST'],
          run: (body) => parseMessage(name, answer, body),
        },
        [told],
      ),
    ];
  }),
  valueTarget({ name: 'journal.logs', refusals: ['BAD_REQUEST'], run: checkLogNames }, [
    [signLogName(own, clusterId, nowMs), signLogName(other, clusterId, 1)],
  ]),
  packedTarget(
    {
      name: 'journal block',
      refusals: ['BAD_REQUEST', 'DAMAGED'],
      run(bytes) {
        // Readers get them as JSON.
        const events = blockCodec.decode(bytes);
        for (const one of Array.isArray(events) ? events : []) JSON.stringify(checkEvent(one));
      },
    },
    [event, { ...event, actor: null, detail: undefined }],
  ),
];
const checkEvent = checker('journal event', StoredEvent);

const state = { kind: 'lww', stamp, weight: 1, value };
const answerSamples: Readonly<Record<keyof typeof operations, unknown>> = {
  get: { wallMs: nowMs, row: { mark: digest, stamp, state }, cutoff: 1, closed: 2 },
  put: { kind: 'newer', stamp },
  register: { kind: 'promise', ballot, accepted },
  recall: { promised: ballot },
  change: { kind: 'stale', value, lineage: [1] },
  range: { rows: [{ sortKey: 'k', mark: digest, state }], complete: true },
  tally: { rows: 1, weight: 1, digest },
  reconcile: null,
  roots: [1, 2],
  nodes: new Uint8Array(1024),
  leaf: { rows: new Uint8Array(64), complete: false },
  fetch: { rows: [{ ...row, state }], taken: 1 },
  push: { refused: [0] },
  cutoff: { cutoff: nowMs },
  collect: { wallMs: nowMs, stands: true },
};
