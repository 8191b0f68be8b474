import { createHmac, randomBytes } from 'node:crypto';
import test from 'ava';
import { hmacSha256 } from '../../../agent/object/s3/sign/hmac.ts';

test('hmac: as node makes it, for keys and texts of any length', (t) => {
  for (const keyBytes of [0, 1, 32, 63, 64, 65, 200])
    for (const textBytes of [0, 1, 55, 64, 1000]) {
      const key = randomBytes(keyBytes);
      const text = randomBytes(textBytes).toString('latin1');
      const expected = createHmac('sha256', key).update(text, 'latin1').digest('hex');
      t.is(hmacSha256(key, text).toString('hex'), expected, `${keyBytes}, ${textBytes}`);
    }
});
