import { randomBytes } from 'node:crypto';
import test from 'ava';
import { openAddresses, sealAddresses } from '../../agent/peer/address-record.ts';
import { newHostKey } from '../../agent/peer/host-key.ts';
import { recordBytesMax } from '../../agent/peer/limits.ts';

const topic = randomBytes(32);
const { hostId } = newHostKey();
const addresses = { peer: ['/ip4/192.0.2.1/tcp/1'], bulk: '192.0.2.1:2', dht: '192.0.2.1:3' };

test('address record: who knows the topic reads it; who does not, and who changed it, reads nothing', (t) => {
  const record = sealAddresses(topic, hostId, addresses, randomBytes(12));
  t.deepEqual(openAddresses(topic, hostId, record), addresses);
  t.false(Buffer.from(record).includes('192.0.2'));
  t.is(openAddresses(randomBytes(32), hostId, record), undefined);
  t.is(openAddresses(topic, newHostKey().hostId, record), undefined);
  t.is(openAddresses(topic, hostId, record.subarray(0, 20)), undefined);
  for (const at of [0, 12, 28, record.length - 1]) {
    const changed = Uint8Array.from(record);
    changed[at] = (changed[at] ?? 0) ^ 1;
    t.is(openAddresses(topic, hostId, changed), undefined);
  }
});

test('address record: of more addresses than it holds the first are kept', (t) => {
  const many = Array.from({ length: 16 }, (_, n) => `/dns4/${'a'.repeat(200)}.example/tcp/${n + 1}`);
  const record = sealAddresses(topic, hostId, { ...addresses, peer: many }, randomBytes(12));
  t.true(record.length <= recordBytesMax);
  const found = openAddresses(topic, hostId, record);
  t.is(found?.dht, addresses.dht);
  t.deepEqual(found?.peer, many.slice(0, 4));
});
