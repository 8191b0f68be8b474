import { generateKeyPair } from '@libp2p/crypto/keys';
import { peerIdFromPublicKey } from '@libp2p/peer-id';
import test from 'ava';
import { hostIdOf, hostKeyOf } from '../../agent/identity/base58.ts';
import { issueToken, readToken, type TokenPayload } from '../../agent/identity/token.ts';
import { codec } from '../../proto/codec.ts';
import { newHexId } from '../../proto/ids.ts';
import { fakeRoster } from './world.ts';

const payloadOf = (more: Partial<TokenPayload> = {}): TokenPayload => ({
  userId: newHexId(),
  generation: 3,
  scope: { kind: 'project', id: newHexId() },
  methods: ['password'],
  auditId: Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString('base64url'),
  issuedAtMs: Date.now(),
  expiresAtMs: Math.ceil(Date.now() / 1000) * 1000 + 3_600_000,
  ...more,
});

test('token: a host id keeps its 32 bytes of key and comes back as libp2p writes it', async (t) => {
  for (let i = 0; i < 20; i += 1) {
    const { publicKey } = await generateKeyPair('Ed25519');
    const id = hostIdOf(publicKey.raw);
    t.is(id as string, peerIdFromPublicKey(publicKey).toString());
    t.deepEqual(hostKeyOf(id), Uint8Array.from(publicKey.raw));
  }
});

test('token: any host of the roster reads what another signed, in every scope', async (t) => {
  const roster = fakeRoster();
  const [a, b] = [roster.signer(), roster.signer()];
  for (const payload of [
    payloadOf(),
    payloadOf({ scope: { kind: 'unscoped' }, methods: ['password', 'token'] }),
    payloadOf({ scope: { kind: 'domain', id: 'default' } }),
    payloadOf({ scope: { kind: 'system' }, parentAuditId: payloadOf().auditId }),
  ]) {
    const token = await issueToken(a, payload);
    t.deepEqual(await readToken(b, token), { host: a.hostId, payload });
  }
});

test('token: it fits a header and a shell, below 250 characters', async (t) => {
  const signer = fakeRoster().signer();
  const plain = await issueToken(signer, payloadOf());
  t.true(plain.length < 235, String(plain.length));
  const longest = await issueToken(signer, payloadOf({ parentAuditId: payloadOf().auditId }));
  t.true(longest.length < 255, String(longest.length));
  t.regex(longest, /^[\w-]+$/);
});

test('token: one changed character anywhere makes it nobody’s', async (t) => {
  const signer = fakeRoster().signer();
  const token = await issueToken(signer, payloadOf());
  for (let at = 0; at < token.length; at += 1) {
    const other = token[at] === 'A' ? 'B' : 'A';
    await t.throwsAsync(readToken(signer, token.slice(0, at) + other + token.slice(at + 1)), {
      message: /no host of this cluster/,
    });
  }
});

test('token: rubbish of any length is refused and nothing else happens', async (t) => {
  const signer = fakeRoster().signer();
  const token = await issueToken(signer, payloadOf());
  const rubbish = [
    '',
    'a',
    'gAAAAABn',
    token.slice(1),
    `${token}A`,
    `${token}=`,
    ` ${token}`,
    'A'.repeat(100),
    'A'.repeat(5000),
    '\0',
    'ä',
  ];
  for (const text of rubbish)
    await t.throwsAsync(readToken(signer, text), { message: /no host of this cluster/ });
});

test('token: a host off the roster signs for nobody', async (t) => {
  const roster = fakeRoster();
  const [a, b] = [roster.signer(), roster.signer()];
  const stranger = fakeRoster().signer();
  await t.throwsAsync(readToken(a, await issueToken(stranger, payloadOf())));
  const token = await issueToken(b, payloadOf());
  await readToken(a, token);
  roster.remove(b.hostId);
  await t.throwsAsync(readToken(a, token));
});

test('token: what only looks like bytes is refused before it is made into them', async (t) => {
  const signer = fakeRoster().signer();
  const bodies = codec<unknown>('token');
  const good = [
    hostKeyOf(signer.hostId),
    new Uint8Array(16),
    3,
    1,
    new Uint8Array(16),
    1,
    new Uint8Array(16),
  ];
  // Made into bytes it would take a terabyte: nobody need have signed it.
  const vast = { length: 2 ** 40 };
  for (const at of [0, 1, 4, 6, 9, 10]) {
    const fields: unknown[] = [...good, Date.now(), 2e9, null];
    fields[at] = vast;
    const token = Buffer.concat([bodies.encode(fields), new Uint8Array(64)]).toString('base64url');
    await t.throwsAsync(readToken(signer, token), { message: /no host of this cluster/ });
  }
});
