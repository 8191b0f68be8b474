import test from 'ava';
import { digest } from '../../agent/table/keys.ts';
import {
  decodeRow,
  encodeRow,
  type LwwState,
  markOf,
  presence,
  presenceOfBytes,
} from '../../agent/table/row.ts';
import { hostId } from './cluster.ts';

const value = Buffer.from('abc');
const state: LwwState = {
  kind: 'lww',
  stamp: { wallMs: 1_700_000_000_000, count: 0, host: hostId(0) },
  weight: 3,
  value,
};
const row = { state, mark: markOf(digest(Buffer.from('key')), state) };

test('row: of which one bit on disk is another one nothing is believed', (t) => {
  const good = encodeRow(row);
  t.deepEqual(decodeRow(good).mark, row.mark);
  t.is(presenceOfBytes(good), presence.live);
  for (let bit = 0; bit < 8 * good.length; bit++) {
    const rotten = Uint8Array.from(good);
    rotten[bit >> 3] = (rotten[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    t.throws(() => decodeRow(rotten), { code: 'DAMAGED' }, `bit ${bit}`);
  }
});

test('row: one of an earlier build, without a checksum, is read', (t) => {
  const sealed = encodeRow(row);
  const bare = Buffer.concat([sealed.subarray(0, 16), Uint8Array.of(presence.live), sealed.subarray(21)]);
  const { state: found } = decodeRow(bare);
  t.true(found.kind === 'lww' && found.value !== null && Buffer.compare(found.value, value) === 0);
});
