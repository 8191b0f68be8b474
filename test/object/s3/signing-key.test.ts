import { createHmac } from 'node:crypto';
import test from 'ava';
import { signingKeyCharsMax, signingKeysKeptMax } from '../../../agent/object/s3/sign/limits.ts';
import { signingKey } from '../../../agent/object/s3/sign/signature-v4.ts';

/** As the documents derive it. */
const derived = (secret: string, day: string, region: string): string =>
  [day, region, 's3', 'aws4_request']
    .reduce<Buffer>(
      (key, part) => createHmac('sha256', key).update(part).digest(),
      Buffer.from(`AWS4${secret}`),
    )
    .toString('hex');

test('signing key: remembered or not, it is that of its secret, day and region', (t) => {
  const cases = [
    ['secret', '20260101', 'us-east-1'],
    ['secret', '20260102', 'us-east-1'],
    ['secret', '20260101', 'eu-west-1'],
    ['another', '20260101', 'us-east-1'],
    ['us-east-1/secret', '20260101', 'us-east-1'],
    ['secret', '20260101', 'r'.repeat(signingKeyCharsMax)],
  ] as const;
  const check = (): void => {
    for (const [secret, day, region] of cases)
      t.is(signingKey(secret, { day, region }).toString('hex'), derived(secret, day, region));
  };
  check();
  check();
  for (let at = 0; at < signingKeysKeptMax; at++) signingKey('other', { day: '20260101', region: `r${at}` });
  check();
});
