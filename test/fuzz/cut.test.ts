/** Messages cut at every byte, sent twice, sent back: two real hosts, one of which says what the test wants. */
import { connect as tlsConnect } from 'node:tls';
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
import { decodeFrame, encodeFrame, frameKind } from '../../proto/message/peer-frame.ts';
import { startPair, type TestHost } from '../peer/cluster.ts';
import { until } from '../until.ts';

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
const takeOver = async (t: ExecutionContext) => {
  const [a, b] = await startPair(t);
  const key = await openHostKey(a.directory);
  await a.peer.stop();
  return { b, key };
};
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
const rpcProtocol = (host: TestHost): string => `/shoal/${host.peer.cluster.clusterId}/rpc/1`;
const rosterOf = (host: TestHost): string => JSON.stringify(host.peer.roster.position());

test('cut: a frame that ends at any of its bytes is no frame', async (t) => {
  t.timeout(600_000);
  const { b, key } = await takeOver(t);
  let calls = 0;
  b.peer.rpc.handle('test.count', () => ++calls);
  const roster = rosterOf(b);
  const connection = await dial(t, key, b);
  const whole = framed(encodeFrame([frameKind.request, 1, 'test.count', 5_000, { a: 'b' }]));
  for (let bytes = 0; bytes < whole.length; bytes++) {
    const stream = await connection.newStream(rpcProtocol(b));
    if (bytes > 0) stream.send(whole.subarray(0, bytes));
    await stream.close();
    await closed(stream);
  }
  t.is(calls, 0);
  // The same in pieces, and what follows a good frame.
  const stream = await connection.newStream(rpcProtocol(b));
  for (const byte of whole) stream.send(Uint8Array.of(byte));
  await until('the whole frame is served', () => calls === 1);
  stream.send(whole.subarray(0, whole.length - 1));
  await stream.close();
  await closed(stream);
  t.is(calls, 1);
  t.is(rosterOf(b), roster);
});

test('replay: a request sent again while it runs ends the stream; it was not run twice', async (t) => {
  const { b, key } = await takeOver(t);
  let calls = 0;
  const done = Promise.withResolvers<void>();
  b.peer.rpc.handle('test.slow', async () => {
    calls++;
    await done.promise;
    return null;
  });
  const connection = await dial(t, key, b);
  const stream = await connection.newStream(rpcProtocol(b));
  const request = framed(encodeFrame([frameKind.request, 1, 'test.slow', 5_000, null]));
  stream.send(Buffer.concat([request, request]));
  await closed(stream);
  t.is(calls, 1);
  done.resolve();
});

test("reflection: a host's own requests, sent back to it, come from who sends them", async (t) => {
  const { b, key } = await takeOver(t);
  const from: string[] = [];
  b.peer.rpc.handle('test.who', (sender) => void from.push(sender));
  const connection = await dial(t, key, b);
  const stream = await connection.newStream(rpcProtocol(b));
  const answers: Uint8Array[] = [];
  stream.addEventListener('message', ({ data }) => answers.push(data.subarray()));
  stream.send(framed(encodeFrame([frameKind.request, 1, 'test.who', 5_000, null])));
  await until('it is answered', () => answers.length > 0);
  t.deepEqual(from, [key.hostId]);
  // Its answer, sent back as if it were one of ours: no request waits there for it, and the stream ends.
  const answer = Buffer.concat(answers);
  t.is(decodeFrame(answer.subarray(4))?.[0], frameKind.answer);
  stream.send(answer);
  await closed(stream);
  t.deepEqual(from, [key.hostId]);
  // Nor does a vote of its own: the ballot in it is not one of the sender's.
  const again = await connection.newStream(rpcProtocol(b));
  const heard: Uint8Array[] = [];
  again.addEventListener('message', ({ data }) => heard.push(data.subarray()));
  const { version, digest } = b.peer.roster.position();
  const vote = {
    ...{ version: version + 1, previous: digest },
    request: { kind: 'prepare', ballot: { round: 1, host: b.peer.self, run: 1 } },
  };
  again.send(framed(encodeFrame([frameKind.request, 1, 'roster.vote', 5_000, vote])));
  await until('it is refused', () => heard.length > 0);
  const refusal = decodeFrame(Buffer.concat(heard).subarray(4));
  t.is(refusal?.[0], frameKind.error);
  t.is(refusal?.[2], 'BAD_REQUEST');
});

test('cut: a join that ends at any byte of its first message lets nobody in', async (t) => {
  t.timeout(600_000);
  const [a] = await startPair(t);
  const invite = parseInvite(a.peer.invites.issue().token);
  const roster = rosterOf(a);
  const hello = { body: invite.body, signature: invite.signature, name: 'host-9', nonce: 'A'.repeat(43) };
  const whole = framed(codec<unknown>('join message').encode(hello));
  const connection = await dial(t, newHostKey(), a);
  for (let bytes = 0; bytes < whole.length; bytes += bytes < 8 ? 1 : 29) {
    const stream = await connection.newStream(joinProtocol(a.peer.cluster.clusterId));
    stream.send(whole.subarray(0, bytes));
    await stream.close().catch(() => {});
    await closed(stream);
  }
  t.is(rosterOf(a), roster);
});

test('cut: a bulk request that ends at any byte reaches no handler with less than it said', async (t) => {
  t.timeout(600_000);
  const { b, key } = await takeOver(t);
  const bodies: string[] = [];
  let cutOff = 0;
  b.peer.bulk.serve('thing', async ({ body }) => {
    const parts: Uint8Array[] = [];
    try {
      for await (const piece of body) parts.push(piece);
    } catch (thrown) {
      cutOff++;
      throw thrown;
    }
    bodies.push(Buffer.concat(parts).toString());
    return {};
  });
  const [, port] = b.peer.addresses().bulk.split(':');
  const identity = {
    key: key.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    cert: certificateOf(key),
  };
  const whole = Buffer.from(
    'PUT /thing/a HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 4\r\n\r\nabcd',
  );
  const send = (bytes: Uint8Array): Promise<void> =>
    new Promise((resolve) => {
      const socket = tlsConnect({
        host: '127.0.0.1',
        port: Number(port),
        rejectUnauthorized: false,
        ...identity,
      });
      socket.on('error', () => {});
      socket.on('data', () => {});
      socket.on('close', () => resolve());
      socket.on('secureConnect', () => socket.end(bytes));
    });
  for (let bytes = 0; bytes < whole.length; bytes += 3) await send(whole.subarray(0, bytes));
  t.deepEqual(bodies, []);
  t.true(cutOff > 0, 'it was told that the body is cut');
  await send(whole);
  t.deepEqual(bodies, ['abcd']);
});
