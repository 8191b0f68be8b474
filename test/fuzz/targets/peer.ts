/** The peer layer: frames, rosters, invites, joins, hellos, addresses, certificates. Strangers reach some of it. */
import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openAddressBook, parseHostPort } from '../../../agent/peer/address-book.ts';
import { bulkErrors } from '../../../agent/peer/bulk-server.ts';
import { certificateOf, hostIdOfCertificate } from '../../../agent/peer/certificate.ts';
import { checker } from '../../../agent/peer/check.ts';
import { frameReader } from '../../../agent/peer/frame-reader.ts';
import { publicKeyOf, verifySignature } from '../../../agent/peer/host-key.ts';
import { encodeInvite, parseInvite, signInvite } from '../../../agent/peer/invite.ts';
import { prepareEveryMs } from '../../../agent/peer/limits.ts';
import type { Rpc } from '../../../agent/peer/port.ts';
import { openRoster } from '../../../agent/peer/roster.ts';
import { snapshotOf, stateOf } from '../../../agent/peer/roster-chain.ts';
import { baseOf, foldSteps, writeRoster } from '../../../agent/peer/roster-file.ts';
import { decodeStep, rosterVotes } from '../../../agent/peer/roster-vote.ts';
import { codec } from '../../../proto/codec.ts';
import type { HostId } from '../../../proto/ids.ts';
import { parseClusterId, parseHostId } from '../../../proto/ids.ts';
import {
  ClusterFacts,
  Hello,
  HelloAnswer,
  HostAddresses,
  InviteBody,
  JoinChallenge,
  JoinProof,
  JoinRequest,
  JoinWelcome,
  Refusal,
} from '../../../proto/message/peer.ts';
import { decodeFrame, encodeFrame, frameKind, type PeerFrame } from '../../../proto/message/peer-frame.ts';
import { RosterPosition, RosterReply, RosterSteps, RosterTale } from '../../../proto/message/roster.ts';
import {
  addresses,
  cluster,
  clusterId,
  nowMs,
  other,
  own,
  rosterState,
  rosterSteps,
  rosterTale,
  stepAfter,
  third,
} from '../samples.ts';
import {
  bytesTarget,
  packed,
  packedTarget,
  type Target,
  textTarget,
  valueTarget,
  withoutValid,
} from '../target.ts';
import { stillRuntime } from '../world.ts';

const frames: readonly PeerFrame[] = [
  [frameKind.request, 1, 'table.ask', 5_000, { layout: 1, operations: [] }],
  [frameKind.answer, 1, { answers: [1, null, 'x', new Uint8Array(40)] }],
  [frameKind.error, 2, 'BUSY', 'Cannot: later', { at: 1 }],
  [frameKind.cancel, 3],
  [frameKind.notify, 'membership', { kind: 'gossip', facts: [] }],
  [frameKind.ping],
  [frameKind.alive],
  [frameKind.refused, 'NOT_ON_ROSTER', 'no'],
];
const framed = (bytes: Uint8Array): Uint8Array => {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(bytes.length);
  return Buffer.concat([head, bytes]);
};
const frameBytesMax = 64 * 1024;

const invite = signInvite(own, cluster, {
  clusterId,
  clusterName: 'reef',
  inviteId: 'AAAAAAAAAAAAAAAA',
  expiresAtMs: nowMs + 3_600_000,
  issuer: own.hostId,
  topic: cluster.topic,
  addresses: [{ hostId: own.hostId, peer: addresses.peer, dht: addresses.dht }],
});
const nonce = cluster.topic;
const position = { version: rosterState.version, digest: rosterState.digest };

const joinMessages: Readonly<
  Record<string, readonly [schema: Parameters<typeof checker>[1], sample: unknown]>
> = {
  'join request': [JoinRequest, { body: invite.body, signature: invite.signature, name: 'host-3', nonce }],
  'join challenge': [JoinChallenge, { nonce, proof: nonce }],
  'join proof': [JoinProof, { proof: nonce }],
  'join welcome': [
    JoinWelcome,
    { cluster, roster: rosterTale, addresses: { [own.hostId]: addresses }, welcome: { any: ['thing'] } },
  ],
  refusal: [Refusal, { refused: { code: 'INVITE_REFUSED', message: 'no' } }],
  hello: [Hello, { roster: position, addresses }],
  'hello answer': [HelloAnswer, { roster: position, addresses, steps: rosterSteps }],
  'cluster file': [ClusterFacts, cluster],
  'host addresses': [HostAddresses, addresses],
  'invite body': [InviteBody, invite.body],
  'roster steps': [RosterSteps, rosterSteps],
  'roster tale': [RosterTale, rosterTale],
  'roster position': [RosterPosition, position],
};

const messages = codec<unknown>('join message');

const add = { kind: 'add', hostId: third.hostId, name: 'host-3', expiresAtMs: null } as const;
/** What no majority has voted for: nothing may come of any of it. */
const strangeSteps = [
  stepAfter(rosterState, third, { ...add, name: 'self-made' }),
  stepAfter(rosterState, own, { kind: 'remove', hostId: other.hostId }, { voters: [own] }),
  stepAfter(rosterState, own, { kind: 'remove', hostId: other.hostId }, { forced: true }),
  // Never of all voters: a bent copy may be what they have signed after all.
  { ...stepAfter(rosterState, other, add, { voters: [own, third] }), atMs: nowMs + 1 },
];
const ballot = { round: 9, host: other.hostId, run: 1 };
const accept = (value: Uint8Array) => ({
  ...{ version: rosterState.version + 1, previous: rosterState.digest },
  request: { kind: 'accept', accepted: { ballot, value, lineage: [1] }, next: null },
});

/** A roster on disk, as gossip, hellos and strangers' welcomes feed it; and as voters do. */
const rosterTargets = async (): Promise<readonly Target[]> => {
  const directory = await mkdtemp(join(tmpdir(), 'shoal-fuzz-'));
  const steps = rosterTale.steps;
  const vote = null;
  await writeRoster(directory, { host: own.hostId, base: baseOf(rosterTale), steps, vote });
  const runtime = stillRuntime();
  const roster = await openRoster({ runtime, self: own.hostId }, { directory, clusterId });
  const state = (): string => JSON.stringify(roster.position());
  const before = state();
  let handleVote: (from: HostId, body: unknown) => unknown = () => {};
  const rpc: Rpc = {
    self: own.hostId,
    request: async () => null,
    notify: () => {},
    handle(_method, handler) {
      handleVote = (from, body) => handler(from, body, new AbortController().signal);
    },
  };
  // Each vote comes when the pace allows it, or the second and all after it would be looked at no further.
  let nowMs = 0;
  const clock = {
    ...runtime.clock,
    monotonicMs: () => {
      nowMs += prepareEveryMs;
      return nowMs;
    },
  };
  rosterVotes({
    runtime: { ...runtime, clock },
    ...{ rpc, key: own, roster, differs: () => {}, isGone: async () => false },
  });
  const still = (): void => {
    // Nobody here holds a majority of keys: whatever was said, nothing may come of it.
    if (state() !== before) throw new Error('a step that no majority has voted for counts');
  };
  return [
    valueTarget(
      {
        name: 'roster steps learned',
        refusals: ['BAD_REQUEST'],
        async run(value) {
          await roster.learn(value, () => false);
          still();
        },
        state,
        close: () => rm(directory, { recursive: true, force: true }),
      },
      [rosterSteps, ...strangeSteps.map((step) => [step]), [...rosterSteps, ...strangeSteps.slice(0, 1)]],
    ),
    valueTarget(
      {
        name: 'roster vote',
        refusals: ['BAD_REQUEST', 'CONTENDED', 'CONFLICT'],
        async run(value) {
          await handleVote(other.hostId, value);
          still();
        },
        state,
      },
      [
        { version: rosterState.version + 1, previous: rosterState.digest, request: { kind: 'read' } },
        {
          ...{ version: rosterState.version + 1, previous: rosterState.digest },
          request: { kind: 'prepare', ballot },
        },
        accept(Buffer.from(JSON.stringify(stepAfter(rosterState, other, add)))),
      ],
    ),
  ];
};

const bookTarget = async (): Promise<Target> => {
  const directory = await mkdtemp(join(tmpdir(), 'shoal-fuzz-'));
  const book = await openAddressBook({ log: stillRuntime().log }, { directory });
  const checkAddresses = checker('addresses', HostAddresses);
  return valueTarget(
    {
      name: 'address book',
      refusals: ['BAD_REQUEST'],
      run: (value) => book.set(other.hostId, checkAddresses(value)),
      state: () => JSON.stringify(book.get(other.hostId)),
      async close() {
        await book.flush();
        await rm(directory, { recursive: true, force: true });
      },
    },
    [addresses],
  );
};

export const peerTargets = async (): Promise<readonly Target[]> => [
  packedTarget({ name: 'peer frame', refusals: [], run: decodeFrame }, frames),
  packedTarget({ name: 'codec', refusals: ['DAMAGED'], run: (bytes) => messages.decode(bytes) }, [
    ...frames,
    { a: [1, -1, 2 ** 40, 1.5], b: new Uint8Array(300), c: 'é'.repeat(40), d: null, e: { f: true } },
  ]),
  // Shapes of msgpack that we never write: its extensions.
  withoutValid(
    bytesTarget({ name: 'codec extensions', refusals: ['DAMAGED'], run: (bytes) => messages.decode(bytes) }, [
      packed(null),
      ...[
        [0xd4, 0x72, 0x40, 0x91, 0xa1, 0x61, 0x01],
        [0xd6, 0x69, 0, 0, 0, 1, 0x91, 0xd6, 0x70, 0, 0, 0, 1],
        [0xd6, 0xff, 1, 2, 3, 4],
        [0xc7, 0x09, 0x42, 0x7f, 1, 2, 3, 4, 5, 6, 7, 8],
        [0xd4, 0x73, 0x91, 0x01],
        [0xd4, 0x78, 0x92, 0xa3, 0x28, 0x61, 0x2b, 0xa0],
        [0xd4, 0x65, 0x93, 0xa5, 0x45, 0x72, 0x72, 0x6f, 0x72, 0xa1, 0x61, 0xc0],
        [0xc7, 0x05, 0x74, 0x01, 1, 2, 3, 4],
        [0xd6, 0x62, 0, 0, 0, 20, 0xa1, 0x61, 0xa1, 0x62],
      ].map((bytes) => Uint8Array.from([1, ...bytes])),
    ]),
  ),
  bytesTarget(
    {
      name: 'frame reader',
      refusals: [],
      run(bytes) {
        const reader = frameReader(frameBytesMax);
        try {
          for (let at = 0; at < bytes.length; at += 97)
            for (const frame of reader.push(bytes.subarray(at, at + 97))) decodeFrame(frame);
        } catch (thrown) {
          // Its own word for a length beyond the bound.
          if (!(thrown instanceof RangeError)) throw thrown;
        }
        if (reader.pendingBytes > frameBytesMax + 4 + 97) throw new Error('it holds more than a frame');
      },
    },
    [Buffer.concat(frames.map((frame) => framed(encodeFrame(frame))))],
  ),
  packedTarget({ name: 'bulk error', refusals: ['DAMAGED'], run: (bytes) => bulkErrors.decode(bytes) }, [
    { code: 'BUSY', message: 'later', details: { at: 1 } },
  ]),
  textTarget({ name: 'invite', refusals: ['BAD_REQUEST'], run: parseInvite }, [encodeInvite(invite)]),
  bytesTarget(
    {
      name: 'invite bytes',
      refusals: ['BAD_REQUEST'],
      run: (bytes) => parseInvite(`shoal1.${Buffer.from(bytes).toString('base64url')}`),
    },
    [Buffer.from(encodeInvite(invite).slice('shoal1.'.length), 'base64url')],
  ),
  ...Object.entries(joinMessages).map(([name, [schema, sample]]) => {
    const check = checker(name, schema);
    return packedTarget(
      { name, refusals: ['BAD_REQUEST', 'DAMAGED'], run: (bytes) => check(messages.decode(bytes)) },
      [sample],
    );
  }),
  valueTarget(
    {
      name: 'roster snapshot',
      refusals: ['BAD_REQUEST', 'DAMAGED'],
      run(value) {
        const { base, steps } = checker('roster', RosterTale)(value);
        const state = stateOf(base);
        if (state) foldSteps(clusterId, state, steps);
      },
    },
    [rosterTale, { base: snapshotOf(rosterState), steps: [] }],
  ),
  bytesTarget({ name: 'roster step', refusals: ['BAD_REQUEST'], run: decodeStep }, [
    Buffer.from(JSON.stringify(stepAfter(rosterState, other, add))),
  ]),
  valueTarget(
    {
      name: 'roster vote answer',
      refusals: ['BAD_REQUEST'],
      run: checker('roster reply', RosterReply, { bytes: true }),
    },
    [
      { kind: 'state', accepted: null },
      {
        kind: 'promise',
        ballot,
        accepted: { ballot, value: Uint8Array.of(1), lineage: [] },
        vote: 'A'.repeat(86),
      },
      { kind: 'accepted', ballot, next: null },
      { kind: 'conflict', ballot, promised: ballot },
    ],
  ),
  ...(await rosterTargets()),
  await bookTarget(),
  textTarget({ name: 'host id', refusals: ['BAD_REQUEST'], run: (text) => publicKeyOf(parseHostId(text)) }, [
    own.hostId,
  ]),
  textTarget({ name: 'cluster id', refusals: ['BAD_REQUEST'], run: parseClusterId }, [clusterId]),
  textTarget({ name: 'host:port', refusals: [], run: parseHostPort }, [
    '127.0.0.1:9703',
    '[::1]:1',
    'reef.example:65535',
  ]),
  bytesTarget(
    {
      name: 'signature',
      refusals: [],
      run: (bytes) => verifySignature(own.hostId as HostId, Buffer.from('x'), bytes),
    },
    [own.sign(Buffer.from('x'))],
  ),
  bytesTarget(
    {
      name: 'certificate',
      refusals: [],
      run(bytes) {
        let certificate: X509Certificate;
        try {
          certificate = new X509Certificate(bytes);
        } catch {
          return;
        }
        try {
          hostIdOfCertificate(certificate);
        } catch (thrown) {
          // OpenSSL's own words for a key that is none; `hostIdOfSocket` takes them as "no host".
          if (!(thrown instanceof Error && 'code' in thrown)) throw thrown;
        }
      },
    },
    [new X509Certificate(certificateOf(own)).raw],
  ),
];
