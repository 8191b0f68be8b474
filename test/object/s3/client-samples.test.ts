import { readFileSync } from 'node:fs';
import test from 'ava';
import { openSignIn } from '../../../agent/object/s3/sign-in.ts';
import { access, incoming, isRefused, principal, read, secret } from './sign.ts';

interface Kept {
  readonly name: string;
  readonly atSeconds: number;
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body?: string;
}

const keptIn = (file: string): readonly Kept[] =>
  JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8')).samples;
/**
 * What boto3 sent: both versions, path and virtual-host style, keys with all that has to be escaped, checksums; and
 * Amazon's SDK for JavaScript: checksums behind streams and in addresses.
 */
const samples = [...keptIn('./botocore.json'), ...keptIn('./aws-sdk-js.json')];

const signIn = (sample: Kept, change: Partial<{ method: string; url: string }> = {}) => {
  const [, authority = '', url = ''] = /^https?:\/\/([^/]+)(.*)$/.exec(sample.url) ?? [];
  const names = Object.keys(sample.headers).map((name) => name.toLowerCase());
  return openSignIn({
    clock: { wallMs: () => (sample.atSeconds + 60) * 1000 },
    secretOf: async (key) => (key === access ? { secret, principal } : undefined),
  })(
    incoming({
      method: sample.method,
      url,
      headers: {
        ...(names.includes('host') ? {} : { host: authority }),
        ...sample.headers,
      },
      body: sample.body ?? '',
      hostBucket: authority.startsWith('reef.') ? 'reef' : '',
      ...change,
    }),
  );
};

test('client samples: what it signs is taken, whatever the key, the style and the version', async (t) => {
  t.true(samples.length > 50);
  for (const sample of samples) {
    const found = await signIn(sample).catch((thrown) => thrown);
    t.is(found.principal, principal, `${sample.name}: ${found.message} ${JSON.stringify(found.details)}`);
    if (found.principal) await t.notThrowsAsync(read(found.body), sample.name);
  }
});

test('client samples: a checksum in an address is that of an empty body, and counts for nothing', async (t) => {
  const addresses = samples.filter(({ url }) => /x-amz-checksum-crc32=/.test(url));
  t.is(addresses.length, 2);
  for (const sample of addresses) {
    const found = await signIn(sample);
    t.is(found.checksum, undefined);
    t.is(found.headers['x-amz-meta-a'], 'b', 'other headers in it count');
    t.is((await read(found.body)).toString(), 'anything');
  }
});

test('client samples: the same signature for another method or path is refused', async (t) => {
  for (const sample of samples) {
    const [, url = ''] = /^https?:\/\/[^/]+(.*)$/.exec(sample.url) ?? [];
    const other = sample.method === 'DELETE' ? 'GET' : 'DELETE';
    await isRefused(t, 'SignatureDoesNotMatch', () => signIn(sample, { method: other }), sample.name);
    const moved = `/x${url}`;
    await isRefused(t, 'SignatureDoesNotMatch', () => signIn(sample, { url: moved }), sample.name);
  }
});
