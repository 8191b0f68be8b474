/** What a host that is not on the roster, or no longer, can reach: nothing. */
import { connect as tlsConnect } from 'node:tls';
import { noise } from '@chainsafe/libp2p-noise';
import { yamux } from '@chainsafe/libp2p-yamux';
import type { Stream } from '@libp2p/interface';
import { tcp } from '@libp2p/tcp';
import { multiaddr } from '@multiformats/multiaddr';
import test, { type ExecutionContext } from 'ava';
import { createLibp2p } from 'libp2p';
import { certificateOf } from '../../agent/peer/certificate.ts';
import { type HostKey, newHostKey, openHostKey } from '../../agent/peer/host-key.ts';
import { ShoalError } from '../../proto/error.ts';
import { decodeFrame, encodeFrame, frameKind } from '../../proto/message/peer-frame.ts';
import { until } from '../until.ts';
import { startCluster, startPair, type TestHost } from './cluster.ts';

/** A bare libp2p node with this key, connected to the host. */
const dial = async (t: ExecutionContext, key: HostKey, host: TestHost) => {
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

test('stranger: a foreign key gets one refusal and reaches no handler, gossip or identity', async (t) => {
  const { hosts } = await startCluster(t, 1);
  const [host] = hosts;
  if (!host) return t.fail();
  host.peer.rpc.handle('test.secret', () => t.fail());
  const connection = await dial(t, newHostKey(), host);
  const stream = await connection.newStream(rpcProtocol(host));
  const received: Uint8Array[] = [];
  stream.addEventListener('message', ({ data }) => received.push(data.subarray()));
  stream.send(framed(encodeFrame([frameKind.request, 1, 'test.secret', 5_000, null])));
  await closed(stream);
  await until('the refusal is here', () => Buffer.concat(received).length > 4);
  const frame = decodeFrame(Buffer.concat(received).subarray(4));
  t.is(frame?.[0], frameKind.refused);
  t.is(frame?.[1], 'NOT_ON_ROSTER');
  t.true(host.lines.some((line) => line.message === 'host refused: it is not on the roster'));

  for (const protocol of ['/meshsub/1.2.0', '/meshsub/1.1.0', '/ipfs/id/1.0.0']) {
    const other = await connection.newStream(protocol).catch(() => undefined);
    if (other) await closed(other);
  }
  t.pass();
});

test('removed: connections are cut within 5 s, both ways, and stay refused', async (t) => {
  const { hosts } = await startCluster(t, 3);
  const [a, b, c] = hosts;
  if (!a || !b || !c) return t.fail();
  for (const host of [a, b, c]) {
    host.peer.rpc.handle('test.ping', () => 'pong');
    host.peer.bulk.serve('test', async () => ({}));
  }
  t.is(await c.peer.rpc.request(b.peer.self, 'test.ping', null), 'pong');
  await a.peer.roster.remove(c.peer.self);
  await until('b has heard', () => !b.peer.roster.has(c.peer.self), 5_000);
  for (const to of [a, b]) {
    await until('cut', () => !to.peer.connections.connected().includes(c.peer.self), 5_000);
    const refused = await t.throwsAsync(c.peer.rpc.request(to.peer.self, 'test.ping', null), {
      instanceOf: ShoalError,
    });
    t.true(['NOT_ON_ROSTER', 'UNREACHABLE'].includes(refused?.code ?? ''), refused?.message);
    const sent = await t.throwsAsync(to.peer.rpc.request(c.peer.self, 'test.ping', null), {
      instanceOf: ShoalError,
    });
    t.is(sent?.code, 'NOT_ON_ROSTER');
    const bulk = await t.throwsAsync(c.peer.bulk.request(to.peer.self, 'GET', 'test/x'), {
      instanceOf: ShoalError,
    });
    t.true(['NOT_ON_ROSTER', 'UNREACHABLE'].includes(bulk?.code ?? ''), bulk?.message);
  }
  await until('the removed host was told', () => c.lines.some((line) => line.message === 'refused by host'));
});

test('expired: a host whose time has run out is cut within 5 s everywhere, and does not come back', async (t) => {
  const { hosts } = await startCluster(t, 3);
  const [a, b, c] = hosts;
  if (!a || !b || !c) return t.fail();
  for (const host of [a, b]) {
    host.peer.rpc.handle('test.ping', () => 'pong');
    host.peer.bulk.serve('test', async () => ({}));
  }
  t.is(await c.peer.rpc.request(b.peer.self, 'test.ping', null), 'pong');
  const lifeMs = 1_500;
  await a.peer.roster.expire(c.peer.self, Date.now() + lifeMs);
  for (const host of [a, b])
    await until(
      'it is cut',
      () => !host.peer.roster.has(c.peer.self) && !host.peer.connections.connected().includes(c.peer.self),
      lifeMs + 5_000,
    );
  for (const host of [a, b]) {
    await t.throwsAsync(c.peer.rpc.request(host.peer.self, 'test.ping', null), { instanceOf: ShoalError });
    await t.throwsAsync(c.peer.bulk.request(host.peer.self, 'GET', 'test/x'), { instanceOf: ShoalError });
  }
  const isOff = (host: TestHost): boolean =>
    host.lines.some((line) => line.message === 'roster: remove' && line.host === c.peer.self);
  await until('a voter has taken it off for good', () => isOff(a) && isOff(b));
});

test('garbage: frames that are oversized, cut off or unreadable end the stream and nothing else', async (t) => {
  const [a, b] = await startPair(t);
  let calls = 0;
  b.peer.rpc.handle('test.count', () => ++calls);
  // A rostered host that talks nonsense: the key of `a`, without its agent.
  const key = await openHostKey(a.directory);
  await a.peer.stop();
  const request = encodeFrame([frameKind.request, 1, 'test.count', 5_000, null]);
  const hostile: readonly Uint8Array[] = [
    Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    Buffer.from([255, 255, 255, 255, 1]),
    Buffer.from([0, 0, 0, 0]),
    framed(Buffer.from([1, 0xc1])),
    framed(Buffer.from([9, 0x90])),
    framed(request.subarray(0, request.length - 3)),
    framed(encodeFrame([frameKind.answer, 1, null])),
    framed(Buffer.concat([Buffer.from([1]), Buffer.alloc(100_000, 0x91)])),
  ];
  const connection = await dial(t, key, b);
  for (const bytes of hostile) {
    const stream = await connection.newStream(rpcProtocol(b));
    stream.send(bytes);
    await closed(stream);
  }
  t.is(calls, 0);
  // A request that ends with its stream open is answered: the connection survived all that.
  const stream = await connection.newStream(rpcProtocol(b));
  const answered = new Promise<Uint8Array>((resolve) =>
    stream.addEventListener('message', ({ data }) => resolve(data.subarray())),
  );
  stream.send(framed(request));
  t.deepEqual(decodeFrame((await answered).subarray(4)), [frameKind.answer, 1, 1]);
});

test('bulk: a server without the right key is sent nothing', async (t) => {
  const { hosts } = await startCluster(t, 3);
  const [a, b, c] = hosts;
  if (!a || !b || !c) return t.fail();
  c.peer.bulk.serve('chunk', async () => t.fail());
  // The address of c under the name of b: a rostered host, but not the one that was asked for.
  a.peer.setAddresses(b.peer.self, { bulk: c.peer.addresses().bulk });
  const error = await t.throwsAsync(
    a.peer.bulk.request(b.peer.self, 'PUT', 'chunk/x', { body: new Uint8Array(9) }),
    {
      instanceOf: ShoalError,
    },
  );
  t.regex(error?.message ?? '', /has the key of/);
});

test('bulk: a client whose key is not on the roster is refused', async (t) => {
  const { hosts } = await startCluster(t, 1);
  const [host] = hosts;
  if (!host) return t.fail();
  host.peer.bulk.serve('chunk', async () => t.fail());
  const [, port] = host.peer.addresses().bulk.split(':');
  const ask = (identity: { key?: string; cert?: string }): Promise<string> =>
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
      socket.write('GET /chunk/x HTTP/1.1\r\nhost: x\r\n\r\n');
    });
  const key = newHostKey();
  const pem = key.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  t.regex(await ask({ key: pem, cert: certificateOf(key) }), /^HTTP\/1.1 403 .*NOT_ON_ROSTER/s);
  t.regex(await ask({}), /^HTTP\/1.1 403 .*NOT_ON_ROSTER/s);
});
