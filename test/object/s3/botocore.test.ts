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

/** What boto3 sent: both versions, path and virtual-host style, keys with all that has to be escaped, checksums. */
const kept: { readonly samples: readonly Kept[] } = JSON.parse(
  readFileSync(new URL('./botocore.json', import.meta.url), 'utf8'),
);

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

test('botocore: what it signs is taken, whatever the key, the style and the version', async (t) => {
  t.true(kept.samples.length > 50);
  for (const sample of kept.samples) {
    const found = await signIn(sample).catch((thrown) => thrown);
    t.is(found.principal, principal, `${sample.name}: ${found.message} ${JSON.stringify(found.details)}`);
    if (found.principal) await t.notThrowsAsync(read(found.body), sample.name);
  }
});

test('botocore: the same signature for another method or path is refused', async (t) => {
  for (const sample of kept.samples) {
    const [, url = ''] = /^https?:\/\/[^/]+(.*)$/.exec(sample.url) ?? [];
    const other = sample.method === 'DELETE' ? 'GET' : 'DELETE';
    await isRefused(t, 'SignatureDoesNotMatch', () => signIn(sample, { method: other }), sample.name);
    const moved = `/x${url}`;
    await isRefused(t, 'SignatureDoesNotMatch', () => signIn(sample, { url: moved }), sample.name);
  }
});
