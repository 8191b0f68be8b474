import test from 'ava';
import { partListBytesMax, partsMax } from '../../agent/object/limits.ts';
import { type LongParts, packParts, partsOf } from '../../agent/object/long-parts.ts';
import { codec } from '../../proto/codec.ts';
import { newUuid } from '../../proto/ids.ts';
import { GiB } from '../../proto/units.ts';

test('long parts: as many as S3 allows, of any size, fit the row of their object', (t) => {
  const parts = Array.from({ length: partsMax }, (_, at) => ({
    number: at + 1,
    upload: newUuid(),
    bytes: 5 * GiB - at,
  }));
  const rows = codec<LongParts>('long');
  const bytes = rows.encode(packParts(newUuid(), parts));
  t.true(bytes.length < partListBytesMax / 2, String(bytes.length));
  t.deepEqual(partsOf({ long: rows.decode(bytes) }), parts);
});
