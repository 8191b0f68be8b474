/**
 * Two real hosts in one process, and somebody on the wire: recorded bytes sent again, proofs sent back, gossip in
 * another's name, frames and HTTP bent at random. Nothing changes, what is wrong is closed, a line says so.
 */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { RPC } from '@chainsafe/libp2p-gossipsub/message';
import { noise } from '@chainsafe/libp2p-noise';
import { yamux } from '@chainsafe/libp2p-yamux';
import type { Connection, Stream } from '@libp2p/interface';
import { tcp } from '@libp2p/tcp';
import { multiaddr } from '@multiformats/multiaddr';
import test, { type ExecutionContext } from 'ava';
import { createLibp2p } from 'libp2p';
import { certificateOf } from '../../agent/peer/certificate.ts';
import { type HostKey, newHostKey, openHostKey } from '../../agent/peer/host-key.ts';
import { parseInvite } from '../../agent/peer/invite.ts';
import { joinProtocol } from '../../agent/peer/join.ts';
import { codec } from '../../proto/codec.ts';
import { encodeFrame, frameKind } from '../../proto/message/peer-frame.ts';
import { startPair, type TestHost } from '../peer/cluster.ts';
import { prng } from '../sim/prng.ts';
import { until } from '../until.ts';
import { mutateBytes } from './mutate-bytes.ts';

/** A bare libp2p node with this key, connected to the host: it speaks whatever the test makes it say. */
const dial = async (t: ExecutionContext, key: HostKey, host: TestHost): Promise<Connection> => {
  const node = await createLibp2p({
    privateKey: key.libp2pKey,
    addresses: { listen: [] },
    transports: [tcp()],
    streamMuxers: [yamux()],
    connectionEncrypters: [noise()],
    connectionMonitor: { enabled: false },
  });
  t.teardown(() => node.stop());
  const [address] = host.peer.addresses().peer;
  return node.dial(multiaddr(`${address}/p2p/${host.peer.self}`));
};

/** A host of the cluster whose agent is gone: its key is at hand. */
const takeOver = async (t: ExecutionContext) => {
  const [a, b] = await startPair(t);
  const key = await openHostKey(a.directory);
  await a.peer.stop();
  return { a, b, key };
};

const rpcProtocol = (host: TestHost): string => `/shoal/${host.peer.cluster.clusterId}/rpc/1`;
const framed = (bytes: Uint8Array): Uint8Array => {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(bytes.length);
  return Buffer.concat([head, bytes]);
};
const closed = (stream: Stream): Promise<void> =>
  new Promise((resolve) => {
    if (stream.status !== 'open' || stream.remoteWriteStatus === 'closed') resolve();
    stream.addEventListener('close', () => resolve());
    stream.addEventListener('remoteCloseWrite', () => resolve());
  });
const has = (host: TestHost, message: string): boolean => host.lines.some((line) => line.message === message);
const rosterOf = (host: TestHost): string => JSON.stringify(host.peer.roster.position());

test('replay: the bytes of a whole connection, sent again, open nothing', async (t) => {
  const [a, b] = await startPair(t);
  let calls = 0;
  b.peer.rpc.handle('test.count', () => ++calls);
  const [address = ''] = b.peer.addresses().peer;
  const port = Number(address.split('/').at(-1));
  const recorded: Buffer[] = [];
  const ends: Socket[] = [];
  const tap = createServer((from) => {
    const to = connect(port, '127.0.0.1');
    ends.push(from, to);
    from.on('data', (piece: Buffer) => void recorded.push(Buffer.from(piece)));
    for (const socket of [from, to]) socket.on('error', () => {});
    from.pipe(to);
    to.pipe(from);
  }).listen(0, '127.0.0.1');
  await once(tap, 'listening');
  t.teardown(() => {
    tap.close();
    for (const socket of ends) socket.destroy();
  });
  const tapped = tap.address();
  if (typeof tapped !== 'object' || !tapped) return t.fail();
  // A host of the cluster talks through the tap: handshake, streams, three calls.
  const key = await openHostKey(a.directory);
  await a.peer.stop();
  const node = await createLibp2p({
    privateKey: key.libp2pKey,
    addresses: { listen: [] },
    transports: [tcp()],
    streamMuxers: [yamux()],
    connectionEncrypters: [noise()],
    connectionMonitor: { enabled: false },
  });
  t.teardown(() => node.stop());
  const connection = await node.dial(multiaddr(`/ip4/127.0.0.1/tcp/${tapped.port}/p2p/${b.peer.self}`));
  const stream = await connection.newStream(rpcProtocol(b));
  for (let id = 1; id <= 3; id++)
    stream.send(framed(encodeFrame([frameKind.request, id, 'test.count', 5_000, null])));
  await until('three calls', () => calls === 3);

  const again = connect(port, '127.0.0.1');
  again.on('error', () => {});
  again.on('data', () => {});
  for (const piece of recorded) again.write(piece);
  await new Promise((resolve) => again.once('close', resolve));
  t.is(calls, 3, 'the handshake was for other keys');
});

const joinMessages = codec<unknown>('join message');

test('reflection: a proof that is sent back, and one that was recorded, let nobody in', async (t) => {
  const [a] = await startPair(t);
  const invite = parseInvite(a.peer.invites.issue().token);
  const roster = rosterOf(a);
  const hello = { body: invite.body, signature: invite.signature, name: 'host-9', nonce: 'A'.repeat(43) };
  /** What the host says to a newcomer that knows the token's public part, but not its secret. */
  const attempt = async (answer: (proof: string) => string): Promise<readonly unknown[]> => {
    const connection = await dial(t, newHostKey(), a);
    const stream = await connection.newStream(joinProtocol(a.peer.cluster.clusterId));
    const heard: unknown[] = [];
    let bytes = Buffer.alloc(0);
    stream.addEventListener('message', ({ data }) => {
      bytes = Buffer.concat([bytes, data.subarray()]);
      while (bytes.length >= 4 && bytes.length >= 4 + bytes.readUInt32BE(0)) {
        const length = bytes.readUInt32BE(0);
        const message = joinMessages.decode(bytes.subarray(4, 4 + length)) as { proof?: string };
        bytes = bytes.subarray(4 + length);
        heard.push(message);
        if (message.proof) stream.send(framed(joinMessages.encode({ proof: answer(message.proof) })));
      }
    });
    stream.send(framed(joinMessages.encode(hello)));
    await closed(stream);
    return heard;
  };
  let recorded = '';
  const reflected = await attempt((proof) => {
    recorded = proof;
    return proof;
  });
  t.like(reflected.at(-1), { refused: { code: 'INVITE_REFUSED' } });
  t.like((await attempt(() => recorded)).at(-1), { refused: { code: 'INVITE_REFUSED' } });
  t.is(rosterOf(a), roster);
  t.is(a.lines.filter((line) => line.message === 'join refused').length, 2);
});

test("gossip: a message in another host's name is not believed, whoever passes it on", async (t) => {
  const { b, key } = await takeOver(t);
  const heard: [from: string, body: unknown][] = [];
  b.peer.gossip.subscribe('test', (from, body) => void heard.push([from, body]));
  const topic = `shoal/${b.peer.cluster.clusterId}/test`;
  const bodies = codec<unknown>('gossip');
  const message = async (author: HostKey, signer: HostKey, body: unknown, seqno: number) => {
    const unsigned = {
      from: author.libp2pKey.publicKey.toMultihash().bytes,
      data: bodies.encode(body),
      seqno: Buffer.alloc(8, seqno),
      topic,
    };
    const signed = Buffer.concat([Buffer.from('libp2p-pubsub:'), RPC.Message.encode(unsigned)]);
    return { ...unsigned, signature: await signer.libp2pKey.sign(signed) };
  };
  const connection = await dial(t, key, b);
  const stream = await connection.newStream('/meshsub/1.2.0');
  const say = async (author: HostKey, signer: HostKey, body: unknown, seqno: number): Promise<void> => {
    const rpc = RPC.encode({ subscriptions: [], messages: [await message(author, signer, body, seqno)] });
    const length: number[] = [];
    for (let rest = rpc.length; ; rest >>>= 7) {
      length.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
      if (rest <= 0x7f) break;
    }
    stream.send(Buffer.concat([Buffer.from(length), rpc]));
  };
  const other = await openHostKey(b.directory);
  const stranger = newHostKey();
  await say(other, key, 'in the name of b', 1);
  await say(stranger, stranger, 'by a stranger, passed on', 2);
  await say(stranger, key, "in a stranger's name", 3);
  await say(key, key, 'my own', 4);
  await until('the true one has come', () => heard.length > 0);
  t.deepEqual(heard, [[key.hostId, 'my own']]);
  // The same once more, by its very bytes: it was seen.
  await say(key, key, 'my own', 4);
  await say(key, key, 'and another', 5);
  await until('the next has come', () => heard.length > 1);
  t.deepEqual(
    heard.map(([, body]) => body),
    ['my own', 'and another'],
  );
});

test('frames: whatever a host of the cluster sends, bent at random, the others go on', async (t) => {
  t.timeout(600_000);
  const { b, key } = await takeOver(t);
  const calls: unknown[] = [];
  b.peer.rpc.handle('test.keep', (_from, body) => {
    if (body !== 'good') throw new Error('only bent ones come here');
    calls.push(body);
    return null;
  });
  const connection = await dial(t, key, b);
  const chance = prng(1);
  const samples = [
    Buffer.concat([
      framed(encodeFrame([frameKind.request, 1, 'test.none', 5_000, { a: [1, 2] }])),
      framed(encodeFrame([frameKind.notify, 'peer.roster', []])),
      framed(encodeFrame([frameKind.ping])),
    ]),
    framed(
      encodeFrame([
        frameKind.request,
        1,
        'peer.hello',
        5_000,
        { rosterDigest: 'x', addresses: { peer: [] } },
      ]),
    ),
    framed(encodeFrame([frameKind.cancel, 1])),
  ];
  const roster = rosterOf(b);
  const open = async (): Promise<Stream> => connection.newStream(rpcProtocol(b));
  for (let round = 0; round < 300; round++) {
    const stream = await open();
    stream.send(mutateBytes(chance.pick(samples), samples, chance));
    await stream.close().catch(() => {});
    await closed(stream);
  }
  // Longer than any frame may be: cut at once, not collected.
  const endless = await open();
  endless.send(Buffer.from([0xff, 0xff, 0xff, 0xff]));
  await closed(endless);
  t.is(rosterOf(b), roster);
  t.true(has(b, 'rpc stream ended'), 'a line says so');
  const stream = await open();
  stream.send(framed(encodeFrame([frameKind.request, 7, 'test.keep', 5_000, 'good'])));
  await until('a good request is still served', () => calls.length === 1);
});

test('bulk: HTTP bent at random on a connection of a host of the cluster reaches no handler and costs none', async (t) => {
  const { b, key } = await takeOver(t);
  let [good, bent] = [0, 0];
  b.peer.bulk.serve('chunk', async ({ headers }) => {
    if (headers['x-good']) good++;
    else bent++;
    return {};
  });
  const [, port] = b.peer.addresses().bulk.split(':');
  const identity = {
    key: key.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    cert: certificateOf(key),
  };
  const chance = prng(2);
  const samples = [
    'PUT /other/ab HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nabcd',
    'GET /other/%zz HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n',
  ].map((text) => Buffer.from(text));
  const ask = (bytes: Uint8Array): Promise<string> =>
    new Promise((resolve) => {
      const socket = tlsConnect({
        host: '127.0.0.1',
        port: Number(port),
        rejectUnauthorized: false,
        ...identity,
      });
      let text = '';
      socket.on('data', (piece) => {
        text += piece.toString('latin1');
      });
      socket.on('error', () => resolve(text));
      socket.on('close', () => resolve(text));
      socket.end(bytes);
    });
  for (let round = 0; round < 100; round++) {
    const answer = await ask(mutateBytes(chance.pick(samples), samples, chance));
    t.notRegex(answer, /^HTTP\/1.1 200/);
  }
  t.is(bent, 0);
  t.regex(
    await ask(Buffer.from('GET /chunk/%zz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')),
    /^HTTP\/1.1 400/,
  );
  t.false(has(b, 'bulk handler failed'));
  t.regex(
    await ask(Buffer.from('GET /chunk/ab HTTP/1.1\r\nhost: x\r\nx-good: 1\r\nconnection: close\r\n\r\n')),
    /^HTTP\/1.1 200/,
  );
  t.is(good, 1);
});
